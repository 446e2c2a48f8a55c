// How sessions wait at the port of their worker. The test is both threads: it empties the ring as the writer
// does, and runs what the writer posts.
#include "audit/writer/port.h"

#include <gtest/gtest.h>

#include <chrono>

#include "unit/audit/support.h"

namespace postern::audit {
namespace {

std::int64_t now_unix_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

class PortTest : public ::testing::Test {
 protected:
  void take(std::size_t records = Ring::kSlots) {
    Ring& ring = port.ring();
    for (records = std::min(records, ring.ready()); records > 0; --records) taken.push_back(ring.take());
    ring.release();
    port.drained();
  }
  void on_disk() {
    port.settle(port.ring().taken());
    inbox.run_all();
  }
  void fill(std::size_t leave = 0) {
    while (port.ring().has_room(1 + leave)) port.write(command("filler", false), AuditRoom::Ordinary);
  }
  void break_down() {
    gate.up = false;
    port.refuse();
    inbox.run_all();
  }
  AuditAnswer ahead(std::uint64_t hold, bool outcome = true) {
    return port.write_ahead(told, hold, command("mailbox", true), outcome);
  }

  Inbox inbox;
  Gate gate{true};
  Port port{gate, inbox.post()};
  Told told;
  std::vector<Ring::Item> taken;
};

TEST_F(PortTest, AnIntentIsGrantedWhenItIsOnDisk) {
  const std::int64_t before_us = now_unix_us();
  EXPECT_EQ(ahead(1), AuditAnswer::Waiting);
  const std::int64_t after_us = now_unix_us();
  EXPECT_EQ(ahead(2), AuditAnswer::Waiting);
  take(1);
  inbox.run_all();
  EXPECT_TRUE(told.answers.empty());
  on_disk();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}}));
  take();
  on_disk();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}, {2, true}}));
  EXPECT_TRUE(taken[0].awaited);
  EXPECT_GE(taken[0].record->unix_us, before_us);
  EXPECT_LE(taken[0].record->unix_us, after_us);
  EXPECT_EQ(port.ring().reserved(), 2U);
}

TEST_F(PortTest, AnOutcomeFindsItsRoomInAFullRing) {
  ASSERT_EQ(ahead(1), AuditAnswer::Waiting);
  fill();
  port.write(command("ordinary", false), AuditRoom::Ordinary);
  EXPECT_EQ(port.dropped(Port::QueueFull), 1U);
  port.write(command("outcome", false), AuditRoom::Reserved);
  EXPECT_EQ(port.dropped(Port::QueueFull), 1U);
  EXPECT_EQ(port.queued(), Ring::kSlots);
  EXPECT_FALSE(port.reserve());
}

TEST_F(PortTest, WithoutAnIntentOnlyRoomIsWaitedFor) {
  EXPECT_EQ(port.write_ahead(told, 1, nullptr, true), AuditAnswer::Granted);
  fill();
  EXPECT_EQ(port.write_ahead(told, 2, nullptr, true), AuditAnswer::Waiting);
  take(1);
  inbox.run_all();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{2, true}}));
  EXPECT_EQ(port.ring().reserved(), 2U);
}

TEST_F(PortTest, WhoWaitsForRoomIsNotOvertaken) {
  fill();
  EXPECT_EQ(ahead(1), AuditAnswer::Waiting);                                  // needs two
  EXPECT_EQ(port.write_ahead(told, 2, nullptr, true), AuditAnswer::Waiting);  // would need one
  take(1);
  inbox.run_all();
  EXPECT_TRUE(told.answers.empty());
  EXPECT_FALSE(port.reserve());
  take(1);
  inbox.run_all();
  EXPECT_TRUE(told.answers.empty());  // the first is in the ring; for the second there is no room yet
  take(1);
  inbox.run_all();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{2, true}}));
  take();
  on_disk();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}, {2, true}}));
}

TEST_F(PortTest, RoomThatIsGivenBackGoesToWhoWaits) {
  ASSERT_TRUE(port.reserve());
  fill();
  EXPECT_EQ(port.write_ahead(told, 1, nullptr, true), AuditAnswer::Waiting);
  port.give_back();
  EXPECT_TRUE(told.answers.empty());  // never from within a call
  inbox.run_all();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}}));
}

TEST_F(PortTest, WithoutWriteAheadThereIsOnlyRoomToWaitFor) {
  Gate lazy{false};
  Port other{lazy, inbox.post()};
  EXPECT_EQ(other.write_ahead(told, 1, command("mailbox", true), true), AuditAnswer::Granted);
  EXPECT_EQ(other.queued(), 1U);
  EXPECT_FALSE(other.ring().take().awaited);
}

TEST_F(PortTest, ForgettingGivesBackWhatWasWaitedFor) {
  ASSERT_EQ(ahead(1), AuditAnswer::Waiting);
  port.forget(told, 1, nullptr);
  EXPECT_EQ(port.ring().reserved(), 0U);
  EXPECT_EQ(port.queued(), 1U);  // the intent stays
  take();
  on_disk();
  EXPECT_TRUE(told.answers.empty());
}

TEST_F(PortTest, AForgottenIntentHasItsOutcome) {
  ASSERT_EQ(ahead(1), AuditAnswer::Waiting);
  fill();
  port.forget(told, 1, command("instead", false));
  EXPECT_EQ(port.dropped(Port::QueueFull), 0U);
  take();
  EXPECT_EQ(std::get<Command>(taken.back().record->body).mailbox, "instead");
  EXPECT_EQ(port.ring().reserved(), 0U);
}

TEST_F(PortTest, AForgottenWaiterForRoomLeavesNothing) {
  fill(1);
  ASSERT_EQ(ahead(1), AuditAnswer::Waiting);
  ASSERT_EQ(port.write_ahead(told, 2, nullptr, true), AuditAnswer::Waiting);
  port.forget(told, 1, command("instead", false));
  inbox.run_all();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{2, true}}));
  take();
  for (const Ring::Item& item : taken) EXPECT_EQ(std::get<Command>(item.record->body).mailbox, "filler");
}

TEST_F(PortTest, WhatCannotBeWrittenIsRefusedAtOnce) {
  ASSERT_EQ(ahead(1), AuditAnswer::Waiting);
  fill();
  ASSERT_EQ(ahead(2), AuditAnswer::Waiting);
  break_down();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, false}, {2, false}}));
  EXPECT_EQ(port.ring().reserved(), 0U);
  EXPECT_FALSE(port.writable());
  EXPECT_FALSE(port.reserve());
  EXPECT_EQ(ahead(3), AuditAnswer::Refused);
  EXPECT_EQ(port.ring().reserved(), 0U);
  port.write(command("ordinary", false), AuditRoom::Ordinary);
  EXPECT_EQ(port.dropped(Port::QueueFull), 0U);
  take();
  port.write(command("ordinary", false), AuditRoom::Ordinary);
  EXPECT_EQ(port.queued(), 1U);
}

TEST_F(PortTest, WithAllowEverythingPassesAndIsCounted) {
  gate.deny = false;
  ASSERT_EQ(ahead(1), AuditAnswer::Waiting);
  fill();
  ASSERT_EQ(ahead(2), AuditAnswer::Waiting);
  break_down();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}, {2, true}}));
  EXPECT_EQ(port.dropped(Port::WriteError), 1U);  // the second's intent
  EXPECT_TRUE(port.writable());
  EXPECT_EQ(ahead(3), AuditAnswer::Granted);
  EXPECT_TRUE(port.reserve());
  EXPECT_EQ(port.dropped(Port::WriteError), 2U);
  // Of four outcomes that were promised one has a place.
  for (int i = 0; i < 4; ++i) port.write(command("outcome", false), AuditRoom::Reserved);
  EXPECT_EQ(port.dropped(Port::WriteError), 5U);
  EXPECT_EQ(port.queued(), Ring::kSlots);
  EXPECT_EQ(port.ring().reserved(), 0U);
}

TEST_F(PortTest, WithAllowAPromiseWithoutRoomCanBeGivenBack) {
  gate.deny = false;
  fill();
  EXPECT_TRUE(port.reserve());
  port.give_back();
  take(1);
  EXPECT_TRUE(port.ring().has_room(1));
  EXPECT_EQ(port.ring().reserved(), 0U);
}

// Who is told takes up the next command at once, or ends others.
TEST_F(PortTest, WhoIsToldMayDoAnything) {
  told.then = [&](std::uint64_t hold, bool granted) {
    EXPECT_TRUE(granted);
    port.write(command("outcome", false), AuditRoom::Reserved);
    if (hold == 1) port.forget(told, 2, nullptr);
    if (hold > 10) return;
    EXPECT_EQ(ahead(hold + 10), AuditAnswer::Waiting);
  };
  for (std::uint64_t hold = 1; hold <= 3; ++hold) ASSERT_EQ(ahead(hold), AuditAnswer::Waiting);
  take();
  on_disk();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}, {3, true}}));
  take();
  on_disk();
  EXPECT_EQ(told.answers, (std::map<std::uint64_t, bool>{{1, true}, {3, true}, {11, true}, {13, true}}));
  EXPECT_EQ(port.ring().reserved(), 0U);
}

}  // namespace
}  // namespace postern::audit
