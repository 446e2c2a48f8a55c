#include "base/pace.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace postern {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart = instant_from_ns(5'000'000'000'000);

TEST(Pace, LetsOneSecondsWorthGoAtOnceAndThenOneByOne) {
  Pace pace;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pace.take(5, kStart), kStart) << i;
  EXPECT_EQ(pace.take(5, kStart), kStart + milliseconds(200));
  EXPECT_EQ(pace.take(5, kStart), kStart + milliseconds(400));
}

TEST(Pace, OneASecondHasNoBurst) {
  Pace pace;
  EXPECT_EQ(pace.take(1, kStart), kStart);
  EXPECT_EQ(pace.take(1, kStart), kStart + seconds(1));
  EXPECT_EQ(pace.take(1, kStart + seconds(1)), kStart + seconds(2));
}

TEST(Pace, NeverSavesUpMoreThanASecond) {
  Pace pace;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pace.take(4, kStart + seconds(3600)), kStart + seconds(3600));
  EXPECT_GT(pace.take(4, kStart + seconds(3600)), kStart + seconds(3600));
}

TEST(Pace, KeepsTheRateOverTime) {
  Pace pace;
  Instant now = kStart;
  for (int i = 0; i < 1000; ++i) now = pace.take(10, now);
  EXPECT_GE(now, kStart + seconds(99));  // the first ten cost nothing
  EXPECT_LE(now, kStart + seconds(99) + milliseconds(1));
}

TEST(Pace, NoRateIsNoLimit) {
  Pace pace;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(pace.take(0, kStart), kStart);
  pace.use(1'000'000, 0, kStart);
  EXPECT_LE(pace.free_at(1, 0), kStart);
}

TEST(Pace, WhatWasUsedIsFreeAgainWhenItIsPaid) {
  Pace pace;
  EXPECT_LE(pace.free_at(1000, 1000), kStart);
  pace.use(1000, 1000, kStart);
  EXPECT_EQ(pace.free_at(1000, 1000), kStart);
  pace.use(500, 1000, kStart);  // more than there was: it is paid later
  EXPECT_EQ(pace.free_at(1000, 1000), kStart + milliseconds(500));
  pace.use(100, 1000, kStart + milliseconds(500));
  EXPECT_EQ(pace.free_at(1000, 1000), kStart + milliseconds(600));
  EXPECT_EQ(pace.free_at(4000, 1000), kStart + milliseconds(600) - seconds(3)) << "a larger burst";
}

TEST(Pace, EveryThreadGetsATurnOfItsOwn) {
  Pace pace;
  std::vector<std::vector<Instant>> turns(4);
  std::vector<std::thread> threads;
  for (auto& mine : turns)
    threads.emplace_back([&mine, &pace] {
      for (int i = 0; i < 250; ++i) mine.push_back(pace.take(1, kStart));
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<Instant> all;
  for (const auto& mine : turns) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], kStart + seconds(static_cast<int>(i)));
}

}  // namespace
}  // namespace postern
