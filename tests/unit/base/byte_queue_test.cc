#include "base/byte_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace postern {
namespace {

std::string pattern(std::size_t octets) {
  std::string out(octets, '\0');
  for (std::size_t i = 0; i < octets; ++i) out[i] = static_cast<char>('a' + i % 23);
  return out;
}

std::string drain(ByteQueue& queue) {
  std::string out;
  while (!queue.empty()) {
    out += queue.front();
    queue.drop(queue.front().size());
  }
  return out;
}

TEST(ByteQueue, IsEmptyAtFirst) {
  const ByteQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_TRUE(queue.front().empty());
}

TEST(ByteQueue, GivesBackWhatWasAppendedInOrder) {
  ByteQueue queue;
  queue.append("* OK ");
  queue.append("");
  queue.append("ready\r\n");
  EXPECT_EQ(queue.size(), 12u);
  EXPECT_EQ(drain(queue), "* OK ready\r\n");
  EXPECT_TRUE(queue.empty());
}

TEST(ByteQueue, CrossesBlocksAtEverySizeAroundTheirEdges) {
  for (const std::size_t edge :
       {ByteQueue::kSmallBlockBytes, ByteQueue::kBlockBytes, 2 * ByteQueue::kBlockBytes,
        ByteQueue::kSmallBlockBytes + ByteQueue::kBlockBytes}) {
    for (const std::size_t size : {edge - 1, edge, edge + 1}) {
      ByteQueue queue;
      const std::string octets = pattern(size);
      queue.append(octets);
      EXPECT_EQ(queue.size(), size);
      EXPECT_EQ(drain(queue), octets) << size;
    }
  }
}

TEST(ByteQueue, OctetByOctetIsTheSameAsWhole) {
  const std::string octets = pattern(3 * ByteQueue::kBlockBytes + 7);
  ByteQueue queue;
  for (const char& octet : octets) queue.append({&octet, 1});
  EXPECT_EQ(queue.size(), octets.size());
  EXPECT_EQ(drain(queue), octets);
}

TEST(ByteQueue, DropsPartsOfABlockAndSeveralBlocksAtOnce) {
  const std::string octets = pattern(4 * ByteQueue::kBlockBytes);
  ByteQueue queue;
  queue.append(octets);
  queue.drop(10);
  EXPECT_EQ(queue.front().substr(0, 4), octets.substr(10, 4));
  queue.drop(2 * ByteQueue::kBlockBytes);
  EXPECT_EQ(queue.size(), octets.size() - 10 - 2 * ByteQueue::kBlockBytes);
  EXPECT_EQ(drain(queue), octets.substr(10 + 2 * ByteQueue::kBlockBytes));
}

TEST(ByteQueue, AppendsBehindWhatIsHalfRead) {
  ByteQueue queue;
  queue.append("abcdef");
  queue.drop(4);
  queue.append("ghi");
  EXPECT_EQ(drain(queue), "efghi");
}

TEST(ByteQueue, ABlockDoesNotMoveWhenMoreIsAppended) {
  ByteQueue queue;
  queue.append("stays");
  const Octets before = queue.front();
  queue.append(pattern(8 * ByteQueue::kBlockBytes));
  EXPECT_EQ(queue.front().data(), before.data());
  EXPECT_EQ(before, "stays");
}

TEST(ByteQueue, ShowsTheRunAtAnyPlaceWithoutTaking) {
  const std::string octets = pattern(3 * ByteQueue::kBlockBytes);
  ByteQueue queue;
  queue.append(octets);
  queue.drop(5);
  const std::string left = octets.substr(5);
  for (const std::size_t from : {std::size_t{0}, ByteQueue::kBlockBytes - 6, ByteQueue::kBlockBytes - 5,
                                 2 * ByteQueue::kBlockBytes, left.size() - 1}) {
    const Octets run = queue.run(from);
    ASSERT_FALSE(run.empty()) << from;
    EXPECT_EQ(run, left.substr(from, run.size())) << from;
  }
  EXPECT_EQ(queue.size(), left.size());
}

TEST(ByteQueue, ItsRunsJoinedAreTheWhole) {
  const std::string octets = pattern(3 * ByteQueue::kBlockBytes + 1);
  ByteQueue queue;
  queue.append(octets);
  std::string joined;
  while (joined.size() < queue.size()) joined += queue.run(joined.size());
  EXPECT_EQ(joined, octets);
}

TEST(ByteQueue, IsEmptyAfterItWasMovedFrom) {
  ByteQueue first;
  first.append("octets");
  ByteQueue second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the promise is what is tested
  EXPECT_TRUE(first.front().empty());
  EXPECT_EQ(drain(second), "octets");
  first.append("again");
  second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(drain(second), "again");
}

TEST(ByteQueue, CanBeUsedAgainAfterClear) {
  ByteQueue queue;
  queue.append(pattern(20000));
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.front().empty());
  queue.append("one");
  EXPECT_EQ(drain(queue), "one");
}

}  // namespace
}  // namespace postern
