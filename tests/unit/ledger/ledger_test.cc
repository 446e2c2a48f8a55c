#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
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

// Of the failures that are remembered.
constexpr std::size_t kRows = Stripes<int>::kCount * LoginFailures::kRowsPerStripe;

config::Limits limits(int failures) {
  config::Limits limits;
  limits.login.failures = failures;
  limits.login.window = minutes(10);
  limits.login.ban = minutes(5);
  limits.login.delay = seconds(1);
  return limits;
}

void fail(SharedLedger& ledger, int times, std::string_view address, std::string_view user, Instant now) {
  for (int i = 0; i < times; ++i) ledger.login_failed(address, user, now);
}

TEST(Ledger, LetsAnybodyInWhoHasNotFailed) {
  SharedLedger ledger(limits(3), kKeys);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "alice", kStart));
  EXPECT_EQ(ledger.rows(), 0U);
}

TEST(Ledger, BansAtTheLimitAndNotBefore) {
  SharedLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart));
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  EXPECT_EQ(ledger.refused_networks(), 2U);
}

TEST(Ledger, BansTheUserFromEverywhere) {
  SharedLedger ledger(limits(3), kKeys);
  fail(ledger, 1, "192.0.2.1", "alice", kStart);
  fail(ledger, 1, "192.0.2.2", "ALICE", kStart);
  fail(ledger, 1, "2001:db8::1", "Alice", kStart);
  EXPECT_FALSE(ledger.may_log_in("198.51.100.7", "aLiCe", kStart));
  EXPECT_TRUE(ledger.may_log_in("198.51.100.7", "bob", kStart));
  EXPECT_EQ(ledger.refused_users(), 1U);
  EXPECT_EQ(ledger.refused_networks(), 0U);
}

TEST(Ledger, SeesTheWholeNetworkOfAnIpv6Client) {
  SharedLedger ledger(limits(2), kKeys);
  fail(ledger, 1, "2001:db8:1:2::1", "", kStart);
  fail(ledger, 1, "2001:db8:1:2:ffff::9", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("2001:db8:1:2:3:4:5:6", "", kStart));
  EXPECT_TRUE(ledger.may_log_in("2001:db8:1:3::1", "", kStart));
}

TEST(Ledger, TakesAMappedAddressForTheIpv4OneItIs) {
  SharedLedger ledger(limits(2), kKeys);
  fail(ledger, 1, "::ffff:192.0.2.1", "", kStart);
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("::ffff:192.0.2.1", "", kStart));
  EXPECT_TRUE(ledger.may_log_in("::ffff:192.0.2.2", "", kStart));
}

TEST(Ledger, IgnoresTheZoneOfALinkLocalAddress) {
  SharedLedger ledger(limits(1), kKeys);
  fail(ledger, 1, "fe80::1%eth0", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("fe80::1", "", kStart));
}

TEST(Ledger, KeepsAUserNamedLikeANetworkApart) {
  SharedLedger ledger(limits(1), kKeys);
  fail(ledger, 1, "", "192.0.2.1", kStart);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart));
}

TEST(Ledger, EndsTheBanByItselfAndStartsAnew) {
  SharedLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5) - milliseconds(1)));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(5));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(5));
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
}

TEST(Ledger, DoesNotMakeABanLonger) {
  SharedLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  fail(ledger, 5, "192.0.2.1", "", kStart + minutes(4));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(5)));
}

TEST(Ledger, ForgetsFailuresThatLeaveTheWindow) {
  SharedLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(10));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(10)));
  // Two more, with the one before still inside.
  fail(ledger, 2, "192.0.2.1", "", kStart + minutes(19));
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(19)));
}

TEST(Ledger, SlidesTheWindowSlotBySlot) {
  SharedLedger ledger(limits(4), kKeys);
  for (int i = 0; i < 60; ++i) ledger.login_failed("192.0.2.1", "", kStart + minutes(4) * i);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(4) * 59));
  fail(ledger, 1, "192.0.2.1", "", kStart + minutes(4) * 59);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart + minutes(4) * 59));
}

TEST(Ledger, DoublesTheDelayUpToEightTimes) {
  SharedLedger ledger(limits(0), kKeys);
  const std::vector<int> expected{1, 2, 4, 8, 8, 8};
  for (const int delay : expected) EXPECT_EQ(ledger.login_failed("192.0.2.1", "", kStart), seconds(delay));
}

TEST(Ledger, NeverDelaysBeyondFifteenSeconds) {
  config::Limits slow = limits(0);
  slow.login.delay = minutes(1);
  SharedLedger ledger(slow, kKeys);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(15));
  slow.login.delay = seconds(5);
  ledger.set_limits(slow);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(10));
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(15));
}

TEST(Ledger, DelaysByTheWorseOfNetworkAndUser) {
  SharedLedger ledger(limits(0), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "alice", kStart), seconds(4));
  EXPECT_EQ(ledger.login_failed("198.51.100.1", "alice", kStart), seconds(2));
}

TEST(Ledger, ASuccessClearsTheUserButNotTheNetwork) {
  SharedLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "alice", kStart);
  ledger.login_succeeded("192.0.2.1", "alice", kStart);
  EXPECT_EQ(ledger.login_failed("198.51.100.1", "alice", kStart), seconds(1));
  ledger.login_failed("192.0.2.1", "bob", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "carol", kStart));
}

TEST(Ledger, ASuccessOnItsWayDoesNotLiftABan) {
  SharedLedger ledger(limits(2), kKeys);
  fail(ledger, 2, "", "alice", kStart);
  ledger.login_succeeded("", "alice", kStart);
  EXPECT_FALSE(ledger.may_log_in("", "alice", kStart));
}

TEST(Ledger, NeverBansWhereTheLimitIsOff) {
  SharedLedger ledger(limits(0), kKeys);
  fail(ledger, 1000, "192.0.2.1", "alice", kStart);
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "alice", kStart));
}

TEST(Ledger, TakesNewLimitsAtAReload) {
  SharedLedger ledger(limits(5), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  ledger.set_limits(limits(3));
  fail(ledger, 1, "192.0.2.1", "", kStart);
  EXPECT_FALSE(ledger.may_log_in("192.0.2.1", "", kStart));
  ledger.set_limits(limits(0));
  EXPECT_TRUE(ledger.may_log_in("192.0.2.1", "", kStart));
}

TEST(Ledger, ForgetsCountsOfAnotherWindow) {
  SharedLedger ledger(limits(3), kKeys);
  fail(ledger, 2, "192.0.2.1", "", kStart);
  config::Limits shorter = limits(3);
  shorter.login.window = minutes(1);
  ledger.set_limits(shorter);
  EXPECT_EQ(ledger.login_failed("192.0.2.1", "", kStart), seconds(1));
}

TEST(Ledger, HoldsABoundedNumberOfRows) {
  SharedLedger ledger(limits(3), kKeys);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string address =
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    ledger.login_failed(address, "", kStart);
  }
  EXPECT_LE(ledger.rows(), kRows);
  EXPECT_GT(ledger.rows(), kRows / 2);
}

TEST(Ledger, ForgetsTheOldestFirst) {
  SharedLedger ledger(limits(2), kKeys);
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
  SharedLedger ledger(limits(400), kKeys);
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

using Seats = std::vector<std::unique_ptr<ClientSeat>>;
using Users = std::vector<std::unique_ptr<UserSeat>>;

TEST(Ledger, SeatsSoManySessionsOfANetworkAndNoMore) {
  config::Limits limits;
  limits.sessions_per_client = 2;
  SharedLedger ledger(limits, kKeys);
  Seats seats;
  seats.push_back(ledger.seat_client("192.0.2.1"));
  seats.push_back(ledger.seat_client("::ffff:192.0.2.1"));
  ASSERT_TRUE(seats[0] && seats[1]);
  EXPECT_FALSE(ledger.seat_client("192.0.2.1"));
  EXPECT_TRUE(ledger.seat_client("192.0.2.2"));
  EXPECT_TRUE(ledger.seat_client("")) << "a unix peer has no network";
  seats.pop_back();
  EXPECT_TRUE(ledger.seat_client("192.0.2.1"));
}

TEST(Ledger, SeatsAnIpv6ClientByItsNetwork) {
  config::Limits limits;
  limits.sessions_per_client = 1;
  SharedLedger ledger(limits, kKeys);
  const auto seat = ledger.seat_client("2001:db8:1:2::1");
  ASSERT_TRUE(seat);
  EXPECT_FALSE(ledger.seat_client("2001:db8:1:2:ffff::9"));
  EXPECT_TRUE(ledger.seat_client("2001:db8:1:3::1"));
}

TEST(Ledger, SeatsSoManySessionsOfAUserAndNoMore) {
  config::Limits limits;
  limits.sessions_per_user = 2;
  SharedLedger ledger(limits, kKeys);
  Users seats;
  seats.push_back(ledger.seat_user("alice"));
  EXPECT_TRUE(ledger.has_seat("alice"));
  seats.push_back(ledger.seat_user("ALICE"));
  ASSERT_TRUE(seats[0] && seats[1]);
  EXPECT_FALSE(ledger.has_seat("Alice"));
  EXPECT_FALSE(ledger.seat_user("alice"));
  EXPECT_TRUE(ledger.has_seat("bob"));
  EXPECT_TRUE(ledger.seat_user("bob"));
  seats.pop_back();
  EXPECT_TRUE(ledger.has_seat("alice"));
  EXPECT_TRUE(ledger.seat_user("alice"));
  EXPECT_EQ(ledger.rows(), 1U) << "nothing is remembered of those who have left";
}

TEST(Ledger, NeverRefusesAUserWithoutAName) {
  config::Limits limits;
  limits.sessions_per_user = 1;
  SharedLedger ledger(limits, kKeys);
  const auto first = ledger.seat_user("");
  EXPECT_TRUE(ledger.has_seat(""));
  EXPECT_TRUE(first && ledger.seat_user(""));
  EXPECT_EQ(ledger.rows(), 0U);
}

TEST(Ledger, ALowerLimitOfSessionsHoldsForThoseWhoComeThen) {
  SharedLedger ledger(config::Limits{}, kKeys);
  Users seats;
  for (int i = 0; i < 3; ++i) seats.push_back(ledger.seat_user("alice"));
  config::Limits limits;
  limits.sessions_per_user = 2;
  ledger.set_limits(limits);
  EXPECT_FALSE(ledger.seat_user("alice"));
  seats.pop_back();
  EXPECT_FALSE(ledger.seat_user("alice"));
  seats.pop_back();
  EXPECT_TRUE(ledger.seat_user("alice"));
}

config::Limits brake(std::uint64_t messages) {
  config::Limits limits;
  limits.deletions = {messages, minutes(16)};
  return limits;
}

TEST(Ledger, GivesBackWhatWasChargedForWhatDidNotGo) {
  SharedLedger ledger(brake(10), kKeys);
  const auto seat = ledger.seat_user("alice");
  EXPECT_TRUE(seat->charge(4, kStart));
  EXPECT_TRUE(seat->charge(6, kStart + minutes(8)));
  seat->refund(6, kStart + minutes(8));
  EXPECT_FALSE(seat->charge(7, kStart + minutes(8))) << "the other four are still charged";
  EXPECT_TRUE(seat->charge(6, kStart + minutes(8)));
  EXPECT_TRUE(seat->charge(4, kStart + minutes(32)));
  seat->refund(6, kStart + minutes(8));
  EXPECT_FALSE(seat->charge(7, kStart + minutes(32))) << "what is forgotten cannot be given back";
}

TEST(Ledger, ChargesUpToTheLimitAndAllOrNothing) {
  SharedLedger ledger(brake(10), kKeys);
  const auto seat = ledger.seat_user("alice");
  EXPECT_TRUE(seat->brakes());
  EXPECT_FALSE(seat->charge(11, kStart));
  EXPECT_TRUE(seat->charge(9, kStart));
  EXPECT_FALSE(seat->charge(2, kStart)) << "one would have been granted, two are not";
  EXPECT_TRUE(seat->charge(1, kStart)) << "the refused two were not charged";
  EXPECT_FALSE(seat->charge(1, kStart));
  EXPECT_TRUE(seat->charge(0, kStart));
  EXPECT_EQ(ledger.accounts().charged(), 10U);
  EXPECT_EQ(ledger.accounts().braked(), 3U);
}

TEST(Ledger, ChargesAllSessionsOfAUserTogetherAndNobodyElse) {
  SharedLedger ledger(brake(10), kKeys);
  const auto first = ledger.seat_user("alice");
  const auto second = ledger.seat_user("Alice");
  const auto other = ledger.seat_user("bob");
  EXPECT_TRUE(first->charge(6, kStart));
  EXPECT_FALSE(second->charge(5, kStart));
  EXPECT_TRUE(other->charge(10, kStart));
  const auto hidden = ledger.seat_user("");
  EXPECT_TRUE(hidden->charge(10, kStart));
  EXPECT_FALSE(hidden->charge(1, kStart)) << "a hidden user's session has a brake of its own";
  EXPECT_TRUE(ledger.seat_user("")->charge(10, kStart));
}

TEST(Ledger, LoggingInAnewDoesNotReleaseTheBrake) {
  SharedLedger ledger(brake(10), kKeys);
  EXPECT_TRUE(ledger.seat_user("alice")->charge(10, kStart));
  EXPECT_FALSE(ledger.seat_user("alice")->charge(1, kStart));
  EXPECT_EQ(ledger.rows(), 1U);
}

TEST(Ledger, FailedLoginsOfOthersDoNotReleaseTheBrake) {
  SharedLedger ledger(brake(10), kKeys);
  EXPECT_TRUE(ledger.seat_user("alice")->charge(10, kStart));
  for (int i = 0; i < 300'000; ++i) ledger.login_failed("", "user" + std::to_string(i), kStart);
  EXPECT_FALSE(ledger.seat_user("alice")->charge(1, kStart));
}

TEST(Ledger, ForgetsADeletionNoEarlierThanTheWindowsEnd) {
  SharedLedger ledger(brake(10), kKeys);
  const auto seat = ledger.seat_user("alice");
  for (int offset = 0; offset < 60; offset += 7) {  // wherever in a slot of the window it began
    const Instant begin = kStart + minutes(60) * (offset + 1) + seconds(offset);
    EXPECT_TRUE(seat->charge(10, begin));
    EXPECT_FALSE(seat->charge(1, begin + minutes(16) - milliseconds(1)));
    EXPECT_TRUE(seat->charge(1, begin + minutes(17)));
  }
}

TEST(Ledger, ANewWindowDoesNotReleaseTheBrake) {
  SharedLedger ledger(brake(10), kKeys);
  const auto seat = ledger.seat_user("alice");
  EXPECT_TRUE(seat->charge(10, kStart));
  config::Limits longer = brake(11);
  longer.deletions.window = minutes(32);
  ledger.set_limits(longer);
  EXPECT_FALSE(seat->charge(2, kStart + minutes(1)));
  EXPECT_TRUE(seat->charge(1, kStart + minutes(1)));
  ledger.set_limits(brake(5));
  EXPECT_FALSE(seat->charge(1, kStart + minutes(2))) << "more is charged than the limit allows now";
  EXPECT_TRUE(seat->charge(0, kStart + minutes(2)));
  ledger.set_limits(brake(0));
  EXPECT_FALSE(seat->brakes());
  EXPECT_TRUE(seat->charge(1000, kStart + minutes(2)));
}

TEST(Ledger, GivesAUsersCommandsTheirTurnWhicheverSessionAsks) {
  config::Limits limits;
  limits.commands_per_user = 4;
  SharedLedger ledger(limits, kKeys);
  const auto first = ledger.seat_user("alice");
  const auto second = ledger.seat_user("alice");
  for (int i = 0; i < 4; ++i) EXPECT_EQ((i % 2 ? first : second)->next_command(kStart), kStart) << i;
  EXPECT_EQ(first->next_command(kStart), kStart + milliseconds(250));
  EXPECT_EQ(second->next_command(kStart), kStart + milliseconds(500));
  EXPECT_EQ(ledger.seat_user("bob")->next_command(kStart), kStart);
}

TEST(Ledger, HoldsABoundedNumberOfUsersWhoHaveLeft) {
  SharedLedger ledger(brake(10), kKeys);
  constexpr std::size_t kLeft = Stripes<int>::kCount * Accounts::kLeftRowsPerStripe;
  Users live;
  for (int i = 0; i < 1000; ++i) {
    live.push_back(ledger.seat_user("live" + std::to_string(i)));
    ASSERT_TRUE(live.back()->charge(9, kStart));
  }
  for (int i = 0; i < 1'000'000; ++i) {
    const auto seat = ledger.seat_user("user" + std::to_string(i));
    ASSERT_TRUE(seat->charge(10, kStart));
  }
  EXPECT_LE(ledger.rows(), kLeft + live.size());
  EXPECT_GT(ledger.rows(), kLeft / 2);
  for (int i = 0; i < 1000; ++i)  // the rows of those who are there are never given up
    EXPECT_FALSE(ledger.seat_user("live" + std::to_string(i))->charge(2, kStart)) << i;
}

TEST(Ledger, CountsAMillionNetworksAndForgetsThemWithTheirSessions) {
  config::Limits limits;
  limits.sessions_per_client = 2;
  SharedLedger ledger(limits, kKeys);
  const auto address = [](int i) {
    return "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
           std::to_string(i & 255);
  };
  Seats live;
  for (int i = 0; i < 1000; ++i) live.push_back(ledger.seat_client(address(i)));
  for (int i = 0; i < 1'000'000; ++i) {
    ASSERT_TRUE(ledger.seat_client(address(i)));
    ledger.login_failed(address(i), "", kStart);
  }
  EXPECT_LE(ledger.rows(), kRows + live.size());
  for (int i = 0; i < 1000; ++i) {
    const auto second = ledger.seat_client(address(i));
    EXPECT_TRUE(second);
    EXPECT_FALSE(ledger.seat_client(address(i))) << "both of them are counted";
  }
}

TEST(Ledger, NeverSeatsOrChargesMoreThanTheLimitWhateverTheThreads) {
  config::Limits limits = brake(1000);
  limits.sessions_per_user = 3;
  limits.sessions_per_client = 3;
  SharedLedger ledger(limits, kKeys);
  std::atomic<int> seated{0};
  std::atomic<int> most{0};
  std::atomic<std::uint64_t> granted{0};
  const auto note = [&](int now) {
    int seen = most.load();
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
  };
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        const auto client = ledger.seat_client("192.0.2.1");
        const auto user = ledger.seat_user("alice");
        if (!client || !user) continue;
        note(++seated);
        if (user->charge(3, kStart)) granted += 3;
        user->next_command(kStart);
        --seated;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_LE(most.load(), 3);
  EXPECT_EQ(granted.load(), 999U);
  EXPECT_EQ(ledger.accounts().charged(), 999U);
  EXPECT_EQ(ledger.rows(), 1U) << "no session is left, one user is remembered";
}

}  // namespace
}  // namespace postern::server
