#include "session/relaying/pending.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::session {
namespace {

Pending at_upstream(const std::string& tag, bool barrier = false) {
  return Pending::client(tag, imap::Verb::Noop, barrier);
}
Pending own_answer(const std::string& text) { return Pending::of_ours(text); }

TEST(PendingCommands, AreEmptyAtFirst) {
  PendingCommands pending;
  std::string answer;
  EXPECT_TRUE(pending.empty());
  EXPECT_FALSE(pending.at_upstream());
  EXPECT_FALSE(pending.has_answer());
  EXPECT_FALSE(pending.has_barrier());
  EXPECT_FALSE(pending.take_answer(answer));
}

TEST(PendingCommands, CompleteInAnyOrder) {
  PendingCommands pending;
  for (const char* tag : {"a", "b", "c"}) pending.add(at_upstream(tag));
  pending.remove("b");
  EXPECT_EQ(pending.find("b"), nullptr);
  ASSERT_NE(pending.find("a"), nullptr);
  ASSERT_NE(pending.find("c"), nullptr);
  pending.remove("c");
  pending.remove("a");
  EXPECT_TRUE(pending.empty());
  EXPECT_FALSE(pending.at_upstream());
}

TEST(PendingCommands, GiveAnOwnAnswerOnlyWhenItIsFirst) {
  PendingCommands pending;
  std::string answer;
  pending.add(at_upstream("a"));
  pending.add(own_answer("b NO\r\n"));
  pending.add(at_upstream("c"));
  EXPECT_TRUE(pending.has_answer());
  EXPECT_EQ(pending.octets(), 6U);
  EXPECT_FALSE(pending.take_answer(answer));
  pending.remove("c");
  EXPECT_FALSE(pending.take_answer(answer));
  pending.remove("a");
  ASSERT_TRUE(pending.take_answer(answer));
  EXPECT_EQ(answer, "b NO\r\n");
  EXPECT_EQ(pending.octets(), 0U);
  EXPECT_FALSE(pending.has_answer());
  EXPECT_TRUE(pending.empty());
}

TEST(PendingCommands, MayBecomeABarrierOnTheWay) {
  PendingCommands pending;
  pending.add(at_upstream("a"));
  EXPECT_FALSE(pending.has_barrier());
  pending.find("a")->barrier = true;
  EXPECT_TRUE(pending.has_barrier());
  pending.remove("a");
  EXPECT_FALSE(pending.has_barrier());
}

TEST(PendingCommands, FindOnlyWhatIsAtTheUpstream) {
  PendingCommands pending;
  pending.add(own_answer("a NO\r\n"));
  pending.add(at_upstream("b"));
  pending.add(Pending::own("P1"));
  EXPECT_EQ(pending.find("a"), nullptr);
  EXPECT_EQ(pending.find(""), nullptr);
  EXPECT_NE(pending.find("b"), nullptr);
  EXPECT_NE(pending.find("P1"), nullptr);
  EXPECT_TRUE(pending.uses("b"));
  EXPECT_FALSE(pending.uses("B"));
}

TEST(PendingCommands, CountBarriers) {
  PendingCommands pending;
  std::string answer;
  pending.add(own_answer("x\r\n"));
  pending.add(at_upstream("a", true));
  pending.add(Pending::own("b"));
  EXPECT_TRUE(pending.take_answer(answer));
  pending.remove("a");
  EXPECT_TRUE(pending.has_barrier());
  pending.remove("b");
  EXPECT_FALSE(pending.has_barrier());
}

TEST(PendingCommands, ForgetEverythingWhenCleared) {
  PendingCommands pending;
  pending.add(at_upstream("a", true));
  pending.add(own_answer("x\r\n"));
  pending.clear();
  EXPECT_TRUE(pending.empty());
  EXPECT_FALSE(pending.has_barrier());
  EXPECT_FALSE(pending.at_upstream());
  EXPECT_EQ(pending.octets(), 0U);
}

TEST(PendingCommands, ManyComeAndGo) {
  PendingCommands pending;
  for (int i = 0; i < 256; ++i) pending.add(at_upstream("t" + std::to_string(i)));
  EXPECT_EQ(pending.size(), 256U);
  for (int i = 255; i >= 0; --i) pending.remove("t" + std::to_string(i));
  EXPECT_TRUE(pending.empty());
}

}  // namespace
}  // namespace postern::session
