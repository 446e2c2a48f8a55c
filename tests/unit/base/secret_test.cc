#include "base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

#include "base/byte_queue.h"
#include "unit/base/freed_memory.h"

namespace postern {
namespace {

using testing::kCanary;
using testing::Watch;

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, Octets> && !std::is_convertible_v<Octets, Secret>);

// The watch itself must be able to find something, or the other tests prove nothing.
TEST(Secret, TheWatchSeesMemoryThatWasNotWiped) {
  Watch watch;
  {
    auto memory = std::make_unique<char[]>(64);
    std::copy(kCanary.begin(), kCanary.end(), memory.get());
  }
  EXPECT_EQ(watch.canaries(), 1);
}

TEST(Secret, IsWipedWhenItEnds) {
  Watch watch;
  {
    const Secret secret(kCanary);
    EXPECT_EQ(secret.reveal(), kCanary);
    EXPECT_EQ(secret.size(), kCanary.size());
  }
  EXPECT_EQ(watch.blocks(), 1);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(Secret, WipesTheMemoryThatItOutgrows) {
  Watch watch;
  Secret secret(kCanary);
  for (int i = 0; i < 100; ++i) secret.append(kCanary);
  EXPECT_GT(watch.blocks(), 2);
  EXPECT_EQ(watch.canaries(), 0);
  EXPECT_EQ(secret.size(), 101 * kCanary.size());
  EXPECT_EQ(secret.reveal().substr(100 * kCanary.size()), kCanary);
}

TEST(Secret, IsWipedByClear) {
  Watch watch;
  Secret secret(kCanary);
  secret.clear();
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(watch.blocks(), 1);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(Secret, WipesWhatAnAssignmentReplaces) {
  Watch watch;
  Secret secret(kCanary);
  secret = Secret("other");
  EXPECT_EQ(watch.canaries(), 0);
  EXPECT_EQ(watch.blocks(), 1);
  EXPECT_EQ(secret.reveal(), "other");
}

TEST(Secret, LeavesNothingInWhatItWasMovedFrom) {
  Secret first(kCanary);
  const Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the promise is what is tested
  EXPECT_TRUE(first.reveal().empty());
  EXPECT_EQ(second.reveal(), kCanary);
}

TEST(Secret, MayHoldAnyOctets) {
  const std::string octets("a\0b\r\n\xff", 6);
  Secret secret;
  EXPECT_TRUE(secret.empty());
  secret.append(octets);
  secret.append("");
  EXPECT_EQ(secret.reveal(), octets);
}

TEST(Wipe, ReachesTheWholeCapacityOfAString) {
  std::string text(200, 'x');
  text = std::string(kCanary);  // shorter: what lies behind it is still the string's memory
  text.reserve(200);
  const char* const memory = text.data();
  const std::size_t capacity = text.capacity();
  wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), memory);
  EXPECT_TRUE(std::all_of(memory, memory + capacity, [](char c) { return c == '\0'; }));
}

void fill(ByteQueue& queue) {
  for (int i = 0; i < 3000; ++i) queue.append(kCanary);
}

TEST(Wipe, ReachesEveryBlockOfASecretQueue) {
  Watch watch;
  {
    ByteQueue queue;
    queue.set_secret(true);
    fill(queue);
  }
  EXPECT_GT(watch.blocks(), 3);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(Wipe, ReachesWhatASecretQueueHasAlreadyGivenOut) {
  Watch watch;
  ByteQueue queue;
  queue.set_secret(true);
  fill(queue);
  while (!queue.empty()) queue.drop(queue.front().size());
  EXPECT_GT(watch.blocks(), 3);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(Wipe, ReachesWhatAnAssignmentToASecretQueueReplaces) {
  Watch watch;
  ByteQueue queue;
  queue.set_secret(true);
  fill(queue);
  queue = ByteQueue();
  EXPECT_GT(watch.blocks(), 3);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(Wipe, GoesWithASecretQueueThatIsMoved) {
  Watch watch;
  {
    ByteQueue first;
    first.set_secret(true);
    fill(first);
    const ByteQueue second(std::move(first));
    EXPECT_TRUE(second.is_secret());
  }
  EXPECT_EQ(watch.canaries(), 0);
}

// Message bodies are no secrets, and overwriting them would cost every session.
TEST(Wipe, IsNotSpentOnAQueueThatIsNoSecret) {
  Watch watch;
  {
    ByteQueue queue;
    fill(queue);
  }
  EXPECT_GT(watch.canaries(), 0);
}

}  // namespace
}  // namespace postern
