#include "server/ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace postern::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<SipKey, 2> kKeys{{{1, 2}, {3, 4}}};
const Instant kStart = instant_from_ns(1'000'000'000'000);

config::LoginLimits limits(int failures) {
  config::LoginLimits limits;
  limits.failures = failures;
  limits.window = minutes(10);
  limits.ban = minutes(5);
  limits.delay = seconds(1);
  return limits;
}

void fail(LoginLedger& ledger, int times, std::string_view address, std::string_view user, Instant now) {
  for (int i = 0; i < times; ++i) ledger.login_failed(address, user, now);
}

TEST(Ledger, LetsAnybodyInWhoHasNotFailed) {
  LoginLedger ledger(limits(3), kKeys);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "alice", kStart));
  EXPECT_EQ(ledger.rows(), 0U);
}

TEST(Ledger, BansAtTheLimitAndNotBefore) {
  LoginLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart));
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  EXPECT_EQ(ledger.refused_networks(), 2U);
}

TEST(Ledger, BansTheUserFromEverywhere) {
  LoginLedger ledger(limits(3), kKeys);
  fail(ledger, 1, "192.0.2.1", "alice", kStart);
  fail(ledger, 1, "192.0.2.2", "ALICE", kStart);
  fail(ledger, 1, "2001:db8::1", "Alice", kStart);
  EXPECT_FALSE(ledger.may_log_in("198.51.100.7", "aLiCe", kStart));
  EXPECT_TRUE(ledger.may_log_in("198.51.100.7", "bob", kStart));
  EXPECT_EQ(ledger.refused_users(), 1U);
  EXPECT_EQ(ledger.refused_networks(), 0U);
}

TEST(Ledger, SeesTheWholeNetworkOfAnIpv6Client) {
  LoginLedger ledger(limits(2), kKeys);
  fail(ledger, 1, "2001:db8:1:2::1", "", kStart);
  fail(ledger, 1, "2001:db8:1:2:ffff::9", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("2001:db8:1:2:3:4:5:6", "", kStart));
  EXPECT_TRUE(ledger.may_log_in("2001:db8:1:3::1", "", kStart));
}

TEST(Ledger, TakesAMappedAddressForTheIpv4OneItIs) {
  LoginLedger ledger(limits(2), kKeys);
  fail(ledger, 1, "::ffff:192.0.2.1", "", kStart);
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("::ffff:192.0.2.1", "", kStart));
  EXPECT_TRUE(ledger.may_log_in("::ffff:192.0.2.2", "", kStart));
}

TEST(Ledger, IgnoresTheZoneOfALinkLocalAddress) {
  LoginLedger ledger(limits(1), kKeys);
  fail(ledger, 1, "fe80::1%eth0", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("fe80::1", "", kStart));
}

TEST(Ledger, KeepsAUserNamedLikeANetworkApart) {
  LoginLedger ledger(limits(1), kKeys);
  fail(ledger, 1, "", "192.0.2.1", kStart);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart));
}

TEST(Ledger, EndsTheBanByItselfAndStartsAnew) {
  LoginLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5) - milliseconds(1)));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(5));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(5));
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
}

TEST(Ledger, DoesNotMakeABanLonger) {
  LoginLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  fail(ledger, 5, "192.0.2.1", "", kStart + minutes(4));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
}

TEST(Ledger, ForgetsFailuresThatLeaveTheWindow) {
  LoginLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(10));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(10)));
  // Two more, with the one before still inside.
  fail(ledger, 2, "192.0.2.1", "", kStart + minutes(19));
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(19)));
}

TEST(Ledger, SlidesTheWindowSlotBySlot) {
  LoginLedger ledger(limits(4), kKeys);
  for (int i = 0; i < 60; ++i) ledger.login_failed("192.0.2.1", "", kStart + minutes(4) * i);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(4) * 59));
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(4) * 59);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(4) * 59));
}

TEST(Ledger, DoublesTheDelayUpToEightTimes) {
  LoginLedger ledger(limits(0), kKeys);
  const std::vector<int> expected{1, 2, 4, 8, 8, 8};
  for (const int delay : expected) EXPECT_EQ(ledger.login_failed("192.0.2.1", "", kStart), seconds(delay));
}

TEST(Ledger, NeverDelaysBeyondFifteenSeconds) {
  config::LoginLimits slow = limits(0);
  slow.delay = minutes(1);
  LoginLedger ledger(slow, kKeys);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(15));
  slow.delay = seconds(5);
  ledger.set_limits(slow);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(10));
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(15));
}

TEST(Ledger, DelaysByTheWorseOfNetworkAndUser) {
  LoginLedger ledger(limits(0), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(4));
  EXPECT_EQ(ledger.login_failed("198.51.100.1", "alice", kStart), seconds(2));
}

TEST(Ledger, ASuccessClearsTheUserButNotTheNetwork) {
  LoginLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "alice", kStart);
  ledger.login_succeeded("192.0.2.1", "alice", kStart);
  EXPECT_EQ(ledger.login_failed("198.51.100.1", "alice", kStart), seconds(1));
  ledger.login_failed("192.0.2.1", "bob", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "carol", kStart));
}

TEST(Ledger, ASuccessOnItsWayDoesNotLiftABan) {
  LoginLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "", "alice", kStart);
  ledger.login_succeeded("", "alice", kStart);
  EXPECT_FALSE(ledger.may_log_in("", "alice", kStart));
}

TEST(Ledger, NeverBansWhereTheLimitIsOff) {
  LoginLedger ledger(limits(0), kKeys);
  fail(ledger, 1000, "192.0.2.1", "alice", kStart);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "alice", kStart));
}

TEST(Ledger, TakesNewLimitsAtAReload) {
  LoginLedger ledger(limits(5), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  ledger.set_limits(limits(3));
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  ledger.set_limits(limits(0));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart));
}

TEST(Ledger, ForgetsCountsOfAnotherWindow) {
  LoginLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  config::LoginLimits shorter = limits(3);
  shorter.window = minutes(1);
  ledger.set_limits(shorter);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "", kStart), seconds(1));
}

TEST(Ledger, HoldsABoundedNumberOfRows) {
  LoginLedger ledger(limits(3), kKeys);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string address =
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    ledger.login_failed(address, "", kStart);
  }
  EXPECT_LE(ledger.rows(), LoginLedger::kStripes * LoginLedger::kRowsPerStripe);
  EXPECT_GT(ledger.rows(), LoginLedger::kStripes * LoginLedger::kRowsPerStripe / 2);
}

TEST(Ledger, ForgetsTheOldestFirst) {
  LoginLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  for (int i = 0; i < 300'000; ++i) {
    // The banned one tries again and again, so its row is never the oldest.
    if (i % 1000 == 0) ledger.login_failed("192.0.2.1", "", kStart);
    ledger.login_failed("", "user" + std::to_string(i), kStart);
  }
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  EXPECT_EQ(ledger.login_failed("", "user299999", kStart), seconds(2));  // remembered
  EXPECT_EQ(ledger.login_failed("", "user0", kStart), seconds(1));       // forgotten
}

TEST(Ledger, IsSharedByThreads) {
  LoginLedger ledger(limits(400), kKeys);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&ledger] {
      for (int i = 0; i < 100; ++i) {
        const std::string address = "198.51.100." + std::to_string(i);
        ledger.may_log_in(address, "alice", kStart);
        ledger.login_failed(address, "alice", kStart);
        ledger.login_succeeded(address, "bob", kStart);
      }
    });
  }
  for (int i = 0; i < 50; ++i) ledger.set_limits(limits(400));
  for (std::thread& worker : workers) worker.join();
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "alice", kStart));  // all 400 were counted
  EXPECT_EQ(ledger.rows(), 101U);
}

}  // namespace
}  // namespace postern::server
