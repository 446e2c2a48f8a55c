#include "net/mailbox.h"

#include <future>
#include <thread>

#include "unit/net/support.h"

namespace postern::net {
namespace {

TEST(Mailbox, RunsMessagesOnTheReceiversThreadInOrder) {
  Loop loop;
  Mailbox mailbox;
  mailbox.open(loop.get());
  std::vector<int> seen;
  const auto receiver = std::this_thread::get_id();
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i)
      mailbox.post([&seen, &receiver, i] {
        EXPECT_EQ(std::this_thread::get_id(), receiver);
        seen.push_back(i);
      });
  });
  loop.until([&] { return seen.size() == 100; });
  sender.join();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  mailbox.close();
}

TEST(Mailbox, TwoLoopsAskAndAnswer) {
  Mailbox questions;
  bool stop = false;  // the worker's alone
  std::promise<void> listening;
  std::thread worker([&] {
    Loop loop;
    questions.open(loop.get());
    listening.set_value();
    loop.until([&] { return stop; });
    questions.close();
  });
  listening.get_future().wait();

  Loop loop;
  Mailbox answers;
  answers.open(loop.get());
  std::thread::id answered_by;
  questions.post(
      [&] { answers.post([&answered_by, self = std::this_thread::get_id()] { answered_by = self; }); });
  loop.until([&] { return answered_by != std::thread::id(); });
  EXPECT_EQ(answered_by, worker.get_id());
  questions.post([&] { stop = true; });
  worker.join();
  answers.close();
}

TEST(Mailbox, WhatIsPostedByAMessageRunsInALaterTurn) {
  Loop loop;
  Mailbox mailbox;
  mailbox.open(loop.get());
  int turns = 0;
  mailbox.post([&] { mailbox.post([&] { ++turns; }); });
  loop.until([&] { return turns == 1; });
  mailbox.close();
}

TEST(Mailbox, ClosingDropsWhatIsBehind) {
  Loop loop;
  Mailbox mailbox;
  mailbox.open(loop.get());
  bool first = false;
  bool second = false;
  mailbox.post([&] {
    first = true;
    mailbox.close();
  });
  mailbox.post([&] { second = true; });
  loop.until([&] { return first; });
  mailbox.post([&] { second = true; });
  loop.turn();
  EXPECT_FALSE(second);
}

TEST(Mailbox, PostingBeforeOpenIsDropped) {
  Loop loop;
  Mailbox mailbox;
  bool ran = false;
  mailbox.post([&] { ran = true; });
  mailbox.open(loop.get());
  loop.turn();
  EXPECT_FALSE(ran);
  mailbox.close();
}

}  // namespace
}  // namespace postern::net
