#include "upstreams/resolver.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "unit/net/support.h"

namespace postern::server {
namespace {

TEST(Resolver, FindsTheAddressesOfAName) {
  net::Loop loop;
  Resolver resolver(loop.get());
  std::optional<Result<Resolver::Addresses>> result;
  resolver.resolve("localhost", 143, [&result](auto found) { result = std::move(found); });
  EXPECT_TRUE(resolver.running());
  EXPECT_FALSE(result);
  loop.until([&] { return result.has_value(); });
  EXPECT_FALSE(resolver.running());
  ASSERT_TRUE(*result);
  for (const sockaddr_storage& address : **result) {
    const std::string text = net::host_port_text(address);
    EXPECT_TRUE(text == "127.0.0.1:143" || text == "[::1]:143") << text;
  }
}

TEST(Resolver, SaysWhyThereAreNone) {
  net::Loop loop;
  Resolver resolver(loop.get());
  std::optional<Result<Resolver::Addresses>> result;
  // A label may have 63 octets: nobody needs to be asked.
  resolver.resolve(std::string(300, 'x'), 143, [&result](auto found) { result = std::move(found); });
  loop.until([&] { return result.has_value(); });
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().code, ErrorCode::UpstreamDns);
  EXPECT_NE(result->error().detail, "");
}

TEST(Resolver, SaysNothingOnceItIsCancelled) {
  net::Loop loop;
  Resolver resolver(loop.get());
  resolver.resolve("localhost", 143, [](auto) { FAIL() << "it was cancelled"; });
  resolver.cancel();
  EXPECT_FALSE(resolver.running());
}

TEST(Resolver, MayEndBeforeItsAnswer) {
  net::Loop loop;
  {
    Resolver resolver(loop.get());
    resolver.resolve("localhost", 143, [](auto) { FAIL() << "its owner is gone"; });
  }
}

}  // namespace
}  // namespace postern::server
