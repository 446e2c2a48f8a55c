#include "process/privileges.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace postern::server {
namespace {

TEST(Privileges, NobodyToBecomeIsFine) { EXPECT_TRUE(become("")); }

TEST(Privileges, AUserWhoDoesNotExistIsAnError) {
  const auto result = become("no-such-user-here");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().detail.find("no-such-user-here"), std::string::npos);
}

// In a process of its own, since it is for good.
TEST(PrivilegesDeathTest, RootIsGivenUpForGoodOrRefused) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto drop = [] {
    if (geteuid() != 0) _exit(become("root") ? 1 : 0);
    if (!become("nobody")) _exit(2);
    if (geteuid() == 0 || getegid() == 0 || getuid() == 0) _exit(3);
    if (setuid(0) == 0 || seteuid(0) == 0) _exit(4);
    _exit(become("nobody") && !become("root") ? 0 : 5);
  };
  EXPECT_EXIT(drop(), testing::ExitedWithCode(0), "");
}

TEST(Privileges, RaisesTheDescriptorLimitAsFarAsItMay) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(raise_descriptor_limit(), limit.rlim_max);
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

}  // namespace
}  // namespace postern::server
