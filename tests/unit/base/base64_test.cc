#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace postern {
namespace {

using namespace std::string_literals;

TEST(Base64, RoundTripsEveryLength) {
  std::string octets;
  for (int i = 0; i < 2000; ++i) {
    const Secret encoded = encode_base64(octets);
    ASSERT_TRUE(is_base64(encoded.reveal())) << i;
    const auto decoded = decode_base64(encoded.reveal());
    ASSERT_TRUE(decoded);
    ASSERT_EQ(decoded->reveal(), octets) << i;
    octets.push_back(static_cast<char>(i * 37));
  }
}

// RFC 4648 §10.
TEST(Base64, KnownVectors) {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"\0a\0b"s, "AGEAYg=="},
                                                                 {"\xff\xfe\xfb", "//77"}};
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(encode_base64(octets).reveal(), text);
    EXPECT_EQ(decode_base64(text)->reveal(), octets);
  }
}

// security.md 15: a command where a response is due is none.
TEST(Base64, RefusesEverythingElse) {
  for (const Octets line : {"a",      "ab",     "abc",  "=",        "==",    "====",  "*",
                            "Zg=",    "Zg===",  "Z===", "Zg==Zg==", "Zm9v ", " Zm9v", "Zm 9",
                            "Zm9v\r", "b NOOP", "Zm-_", "Zh==",     "Zm9=",  "Zg=a",  "Zm9\xc3"}) {
    EXPECT_FALSE(is_base64(line)) << line;
    EXPECT_FALSE(decode_base64(line)) << line;
  }
}

}  // namespace
}  // namespace postern
