#include "process/session_gate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace postern::server {
namespace {

TEST(SessionGate, LetsEverybodyInWithoutALimit) {
  SessionGate gate;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(gate.enter());
  EXPECT_FALSE(gate.full());
  EXPECT_EQ(gate.count(), 1000U);
}

TEST(SessionGate, IsFullAtTheLimit) {
  SessionGate gate;
  gate.on_crossing([] {});
  gate.set_limit(2);
  EXPECT_TRUE(gate.enter());
  EXPECT_FALSE(gate.full());
  EXPECT_TRUE(gate.enter());
  EXPECT_TRUE(gate.full());
  EXPECT_FALSE(gate.enter());
  EXPECT_EQ(gate.count(), 2U);
  gate.leave();
  EXPECT_FALSE(gate.full());
  EXPECT_TRUE(gate.enter());
}

TEST(SessionGate, TellsWhenItFillsAndWhenItOpens) {
  SessionGate gate;
  int told = 0;
  gate.on_crossing([&told] { ++told; });
  gate.set_limit(2);
  EXPECT_EQ(told, 1);  // the limit itself may have crossed the count
  gate.enter();
  EXPECT_EQ(told, 1);
  gate.enter();
  EXPECT_EQ(told, 2);
  gate.leave();
  EXPECT_EQ(told, 3);
  gate.leave();
  EXPECT_EQ(told, 3);
}

TEST(SessionGate, NeverCountsMoreThanTheLimit) {
  SessionGate gate;
  std::atomic<int> told{0};
  gate.on_crossing([&told] { ++told; });
  gate.set_limit(3);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (!gate.enter()) continue;
        const int now = ++inside;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
        gate.leave();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_LE(most.load(), 3);
  EXPECT_EQ(gate.count(), 0U);
  EXPECT_FALSE(gate.full());
}

}  // namespace
}  // namespace postern::server
