#include "session/octets/pieces.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace postern::session {
namespace {

std::string all_of(const Pieces& pieces) {
  std::array<iovec, 64> ranges;
  const std::size_t count = pieces.gather(ranges.data(), ranges.size());
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out.append(static_cast<const char*>(ranges[i].iov_base), ranges[i].iov_len);
  return out;
}

std::size_t ranges_of(const Pieces& pieces) {
  std::array<iovec, 64> ranges;
  return pieces.gather(ranges.data(), ranges.size());
}

TEST(Pieces, AreEmptyAtFirst) {
  const Pieces pieces;
  EXPECT_TRUE(pieces.empty());
  EXPECT_EQ(pieces.size(), 0U);
  EXPECT_TRUE(pieces.front().empty());
  EXPECT_EQ(ranges_of(pieces), 0U);
}

TEST(Pieces, LendABorrowedRangeWhereItLies) {
  const std::string input = "a NOOP\r\n";
  Pieces pieces;
  pieces.borrow(input);
  EXPECT_EQ(pieces.front().data(), input.data());
  EXPECT_EQ(pieces.front(), input);
}

TEST(Pieces, MergeWhatLiesSideBySide) {
  const std::string input = "a NOOP\r\nb NOOP\r\n";
  Pieces pieces;
  pieces.borrow(Octets(input).substr(0, 8));
  pieces.borrow(Octets(input).substr(8));
  EXPECT_EQ(ranges_of(pieces), 1U);
  EXPECT_EQ(all_of(pieces), input);
}

TEST(Pieces, KeepTheOrderOfBorrowedAndOwn) {
  const std::string input = "from the input|";
  Pieces pieces;
  pieces.own("first|");
  pieces.borrow(input);
  pieces.own("then ");
  pieces.own("this");
  EXPECT_EQ(all_of(pieces), "first|from the input|then this");
  EXPECT_EQ(pieces.size(), all_of(pieces).size());
}

TEST(Pieces, IgnoreWhatIsEmpty) {
  Pieces pieces;
  pieces.borrow({});
  pieces.own({});
  EXPECT_TRUE(pieces.empty());
  EXPECT_EQ(ranges_of(pieces), 0U);
}

TEST(Pieces, SurviveTheInputAfterKeep) {
  Pieces pieces;
  {
    std::string input = "borrowed";
    pieces.own("<");
    pieces.borrow(input);
    pieces.own(">");
    pieces.keep();
    input.assign(input.size(), '#');
  }
  EXPECT_EQ(all_of(pieces), "<borrowed>");
}

TEST(Pieces, CopyAtOnceWhileSomethingIsQueuedFromBefore) {
  Pieces pieces;
  pieces.own("queued ");
  pieces.keep();
  {
    std::string input = "later";
    pieces.borrow(input);
    input.assign(input.size(), '#');
  }
  EXPECT_EQ(all_of(pieces), "queued later");
}

TEST(Pieces, BorrowAgainWhenAllIsWritten) {
  Pieces pieces;
  pieces.own("queued");
  pieces.keep();
  pieces.drop(6);
  const std::string input = "fresh";
  pieces.borrow(input);
  EXPECT_EQ(pieces.front().data(), input.data());
}

TEST(Pieces, DropAcrossRanges) {
  const std::string input = "bbbb";
  Pieces pieces;
  pieces.own("aaa");
  pieces.borrow(input);
  pieces.own("ccc");
  pieces.drop(5);
  EXPECT_EQ(all_of(pieces), "bbccc");
  EXPECT_EQ(pieces.size(), 5U);
  pieces.drop(5);
  EXPECT_TRUE(pieces.empty());
}

TEST(Pieces, GatherNoMoreRangesThanAskedFor) {
  const std::string one = "1";
  const std::string two = "2";
  Pieces pieces;
  pieces.borrow(one);
  pieces.own("-");
  pieces.borrow(two);
  std::array<iovec, 2> ranges;
  EXPECT_EQ(pieces.gather(ranges.data(), ranges.size()), 2U);
  EXPECT_EQ(ranges[0].iov_base, one.data());
}

TEST(Pieces, GatherTheBlocksOfALongQueue) {
  const std::string text(3 * ByteQueue::kBlockBytes + 17, 'x');
  Pieces pieces;
  pieces.own(text);
  EXPECT_EQ(all_of(pieces), text);
  EXPECT_GT(ranges_of(pieces), 1U);
}

TEST(Pieces, ForgetEverythingWhenCleared) {
  Pieces pieces;
  pieces.own("secret");
  pieces.keep();
  pieces.clear();
  EXPECT_TRUE(pieces.empty());
  const std::string input = "fresh";
  pieces.borrow(input);
  EXPECT_EQ(pieces.front().data(), input.data());
}

// Whatever is done with them, they are the same octets as a plain string would be.
TEST(Pieces, BehaveLikeAString) {
  std::mt19937 random(20250101);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int run = 0; run < 300; ++run) {
    Pieces pieces;
    std::string expected;
    std::deque<std::string> lent;  // the input of the present call
    char next = 'a';
    for (int i = 0; i < 60; ++i) {
      const std::string text(1 + below(below(10) == 0 ? 40000 : 40), next);
      next = next == 'z' ? 'a' : static_cast<char>(next + 1);
      switch (below(6)) {
        case 0:
        case 1: {
          const std::string& memory = lent.emplace_back(text);
          const std::size_t cut = below(memory.size());  // two halves, side by side
          pieces.borrow(Octets(memory).substr(0, cut));
          pieces.borrow(Octets(memory).substr(cut));
          expected += text;
          break;
        }
        case 2:
          pieces.own(text);
          expected += text;
          break;
        case 3:
        case 4: {
          const std::size_t octets = below(expected.size() + 1);
          ASSERT_TRUE(expected.starts_with(pieces.front()));
          pieces.drop(octets);
          expected.erase(0, octets);
          break;
        }
        default:
          pieces.keep();
          for (std::string& memory : lent) memory.assign(memory.size(), '#');
          lent.clear();
      }
      ASSERT_EQ(pieces.size(), expected.size());
      ASSERT_TRUE(expected.starts_with(all_of(pieces)));
      ASSERT_EQ(pieces.empty(), expected.empty());
    }
    std::string rest;
    while (!pieces.empty()) {
      const Octets front = pieces.front();
      ASSERT_FALSE(front.empty());
      rest += front;
      pieces.drop(front.size());
    }
    ASSERT_EQ(rest, expected);
  }
}

}  // namespace
}  // namespace postern::session
