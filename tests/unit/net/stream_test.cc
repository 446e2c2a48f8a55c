#include "net/stream.h"

#include <algorithm>

#include "unit/net/support.h"

namespace postern::net {
namespace {

std::unique_ptr<char[]> memory_of(const std::string& text) {
  std::unique_ptr<char[]> memory(new char[text.size()]);
  std::copy(text.begin(), text.end(), memory.get());
  return memory;
}

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    auto [mine, theirs] = connected_pair();
    near_ = std::make_unique<Talker>(loop_, std::move(mine));
    far_ = std::make_unique<Talker>(loop_, std::move(theirs));
  }
  ~StreamTest() override {
    near_->close();
    far_->close();
    loop_.until([&] { return near_->closed() && far_->closed(); });
  }

  // Far more than the kernel takes while nobody reads: a part is taken, the rest is pending.
  std::string overfill() {
    std::string all(64 * 1024 * 1024, 'x');
    for (std::size_t i = 0; i < all.size(); i += 1024) all[i] = static_cast<char>('a' + i / 1024 % 26);
    const std::ptrdiff_t taken = near_->stream().try_write(all);
    EXPECT_GT(taken, 0);
    EXPECT_LT(static_cast<std::size_t>(taken), all.size());
    const std::size_t offset = static_cast<std::size_t>(taken);
    near_->stream().write(memory_of(all), offset, all.size() - offset, true);
    return all;
  }

  Loop loop_;
  std::unique_ptr<Talker> near_;
  std::unique_ptr<Talker> far_;
};

TEST_F(StreamTest, CarriesOctetsBothWays) {
  near_->send("a1 NOOP\r\n");
  loop_.until([&] { return far_->received == "a1 NOOP\r\n"; });
  far_->send("a1 OK\r\n");
  loop_.until([&] { return near_->received == "a1 OK\r\n"; });
}

TEST_F(StreamTest, SeveralRangesLeaveInOrder) {
  std::string a = "* 1 FETCH ";
  std::string b = "(FLAGS ())";
  std::string c = "\r\n";
  const iovec ranges[] = {{a.data(), a.size()}, {b.data(), b.size()}, {c.data(), c.size()}};
  EXPECT_EQ(near_->stream().try_write(ranges, 3), 22);
  loop_.until([&] { return far_->received == "* 1 FETCH (FLAGS ())\r\n"; });
}

TEST_F(StreamTest, AFullKernelTakesNothingAndAPendingWriteWaits) {
  far_->read(false);
  const std::string expected = overfill();
  EXPECT_GT(near_->stream().pending_bytes(), 0U);
  EXPECT_EQ(near_->stream().try_write(Octets("overtaken")), 0) << "nothing overtakes what is pending";
  for (int i = 0; i < 5; ++i) loop_.turn();
  EXPECT_EQ(near_->writes_done, 0U);

  far_->read(true);
  loop_.until([&] { return near_->writes_done == 1; });
  EXPECT_EQ(near_->write_error, 0);
  EXPECT_EQ(near_->stream().pending_bytes(), 0U);
  loop_.until([&] { return far_->received.size() >= expected.size(); });
  EXPECT_TRUE(far_->received == expected);
}

TEST_F(StreamTest, WhoLendsNoMemoryIsNotReadFor) {
  far_->read(false);
  near_->send("early");
  for (int i = 0; i < 5; ++i) loop_.turn();
  EXPECT_EQ(far_->received, "");
  far_->read(true);
  loop_.until([&] { return far_->received == "early"; });
}

TEST_F(StreamTest, AFullReadYieldsToOthers) {
  far_->memory_bytes = 4;
  near_->send("0123456789");
  loop_.until([&] { return far_->reads == 1; });
  EXPECT_EQ(far_->received, "0123");
  loop_.turn();
  EXPECT_EQ(far_->reads, 2U) << "one full read for each turn of the loop";
  loop_.until([&] { return far_->received == "0123456789"; });
}

TEST_F(StreamTest, AShutdownIsAnEndOfFileThatLeavesTheOtherDirectionOpen) {
  near_->send("a1 LOGOUT\r\n");
  EXPECT_EQ(near_->stream().shutdown(), 0);
  loop_.until([&] { return near_->shut_down && far_->ended; });
  EXPECT_EQ(far_->end_error, 0);
  EXPECT_EQ(far_->received, "a1 LOGOUT\r\n");
  far_->send("* BYE\r\n");
  loop_.until([&] { return near_->received == "* BYE\r\n"; });
}

TEST_F(StreamTest, AShutdownWaitsForWhatIsPending) {
  far_->read(false);
  const std::string expected = overfill();
  EXPECT_EQ(near_->stream().shutdown(), 0);
  for (int i = 0; i < 5; ++i) loop_.turn();
  EXPECT_FALSE(near_->shut_down);
  far_->read(true);
  loop_.until([&] { return near_->shut_down && far_->ended; });
  EXPECT_TRUE(far_->received == expected);
}

TEST_F(StreamTest, ClosingWithOctetsPendingFreesThemAndTellsNothing) {
  far_->read(false);
  overfill();
  near_->close();
  loop_.until([&] { return near_->closed(); });
  EXPECT_EQ(near_->writes_done, 0U);
}

TEST(Stream, AResetIsAnErrorAndNotAnEndOfFile) {
  Loop loop;
  auto [mine, theirs] = connected_pair();
  Talker near(loop, std::move(mine));
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(theirs.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  theirs.close();
  loop.until([&] { return near.ended; });
  EXPECT_EQ(near.end_error, UV_ECONNRESET);
  EXPECT_LT(near.stream().try_write(Octets("x")), 0);
  near.close();
  loop.until([&] { return near.closed(); });
}

TEST(Stream, DialsAndIsRefused) {
  Loop loop;
  const Socket listening = listening_socket();
  Talker heard(loop, address_of(listening));
  const Socket silent = loopback_socket();
  Talker refused(loop, address_of(silent));
  loop.until([&] { return heard.connected && refused.connect_error != 0; });
  EXPECT_EQ(refused.connect_error, UV_ECONNREFUSED);
  heard.close();
  refused.close();
  loop.until([&] { return heard.closed() && refused.closed(); });
}

}  // namespace
}  // namespace postern::net
