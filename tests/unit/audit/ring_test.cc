// The ring between two threads: nothing is lost, nothing overtakes, and what is reserved stays free.
#include "audit/writer/ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace postern::audit {
namespace {

std::unique_ptr<Record> numbered(std::uint64_t number) {
  auto record = std::make_unique<Record>();
  record->number = number;
  return record;
}

TEST(Ring, CarriesRecordsInTheirOrder) {
  Ring ring;
  EXPECT_TRUE(ring.empty());
  ring.push(numbered(1), false);
  ring.push(numbered(2), true);
  EXPECT_EQ(ring.pushed(), 2U);
  EXPECT_EQ(ring.size(), 2U);
  ASSERT_EQ(ring.ready(), 2U);
  Ring::Item first = ring.take();
  EXPECT_EQ(first.record->number, 1U);
  EXPECT_FALSE(first.awaited);
  Ring::Item second = ring.take();
  EXPECT_EQ(second.record->number, 2U);
  EXPECT_TRUE(second.awaited);
  EXPECT_EQ(ring.taken(), 2U);
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, ASlotIsFreeWhenItWasReleasedAndNotBefore) {
  Ring ring;
  for (std::size_t i = 0; i < Ring::kSlots; ++i) {
    ASSERT_TRUE(ring.has_room(1));
    ring.push(numbered(i), false);
  }
  EXPECT_FALSE(ring.has_room(1));
  EXPECT_TRUE(ring.filling());
  (void)ring.take();
  EXPECT_FALSE(ring.has_room(1));
  ring.release();
  EXPECT_TRUE(ring.has_room(1));
  EXPECT_FALSE(ring.has_room(2));
}

TEST(Ring, WhatIsReservedIsNobodyElses) {
  Ring ring;
  for (std::size_t i = 0; i + 1 < Ring::kSlots; ++i) ring.push(numbered(i), false);
  ASSERT_TRUE(ring.reserve());
  EXPECT_FALSE(ring.has_room(1));
  EXPECT_FALSE(ring.reserve());
  ring.push_reserved(numbered(9));
  EXPECT_EQ(ring.reserved(), 0U);
  EXPECT_EQ(ring.size(), Ring::kSlots);
  EXPECT_FALSE(ring.has_room(1));
}

TEST(Ring, WhatIsGivenBackIsFreeAgain) {
  Ring ring;
  for (std::size_t i = 0; i < Ring::kSlots; ++i) ASSERT_TRUE(ring.reserve());
  EXPECT_FALSE(ring.has_room(1));
  ring.give_back();
  EXPECT_TRUE(ring.has_room(1));
}

// Many times round, with a reservation for every second record: one thread pushes, the other takes.
TEST(Ring, TwoThreadsLoseAndSwapNothing) {
  constexpr std::uint64_t kRecords = 40 * Ring::kSlots;
  Ring ring;
  std::thread producer([&ring] {
    for (std::uint64_t number = 1; number <= kRecords;) {
      if (number % 2 == 0 && ring.reserve()) {
        ring.push_reserved(numbered(number++));
      } else if (number % 2 == 1 && ring.has_room(1)) {
        ring.push(numbered(number), number % 3 == 0);
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t expected = 1;
  std::uint64_t wrong = 0;
  while (expected <= kRecords) {
    for (std::size_t ready = ring.ready(); ready > 0; --ready, ++expected) {
      const Ring::Item item = ring.take();
      if (item.record->number != expected || item.awaited != (expected % 2 == 1 && expected % 3 == 0))
        ++wrong;
    }
    ring.release();
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.taken(), kRecords);
}

}  // namespace
}  // namespace postern::audit
