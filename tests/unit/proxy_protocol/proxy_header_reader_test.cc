#include "proxy_protocol/proxy_header_reader.h"

#include <memory>
#include <optional>

#include "unit/net/support.h"

namespace postern::net {
namespace {

using telemetry::ProxyError;
using namespace std::string_literals;

const std::string kLine = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n";

// The worker's part: one connection, and what became of it.
class ProxyHeaderReaderTest : public ::testing::Test, protected ProxyHeaderUser {
 protected:
  void TearDown() override {
    reader_.reset();
    if (!session_) return;
    session_->close();
    loop_.until([this] { return session_->closed(); });
  }

  void start(Duration limit = std::chrono::minutes(5)) {
    auto [client, accepted] = connected_pair();
    balancer_ = std::move(client);
    ProxyHeaderUser& user = *this;
    reader_ = std::make_unique<ProxyHeaderReader>(user, 3, std::move(accepted), Peer{"127.0.0.1", 7});
    ASSERT_EQ(reader_->start(loop_.get(), limit), 0);
  }
  void send(const std::string& octets) {
    ASSERT_EQ(::send(balancer_.fd(), octets.data(), octets.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(octets.size()));
  }
  void expect_refusal(ProxyError error, bool is_empty) {
    loop_.until([this] { return refused_.has_value() || header_.has_value(); });
    ASSERT_EQ(refused_, error);
    EXPECT_EQ(is_empty_, is_empty);
    char octet = 0;
    EXPECT_LE(::recv(balancer_.fd(), &octet, 1, 0), 0) << "closed, without a word";
  }

  // As the worker does it: the socket becomes a stream of the same loop at once.
  void header_read(ProxyHeaderReader& reader, const ProxyHeader& header) noexcept override {
    EXPECT_EQ(reader.listener(), 3U);
    EXPECT_EQ(reader.peer().port, 7);
    header_ = header;
    session_ = std::make_unique<Talker>(loop_, std::move(reader.client()));
    reader_.reset();
  }
  void header_refused(ProxyHeaderReader&, ProxyError error, std::string_view why,
                      bool is_empty) noexcept override {
    EXPECT_FALSE(why.empty());
    refused_ = error;
    is_empty_ = is_empty;
    reader_.reset();
  }

  Loop loop_;
  Socket balancer_;
  std::unique_ptr<ProxyHeaderReader> reader_;
  std::unique_ptr<Talker> session_;
  std::optional<ProxyHeader> header_;
  std::optional<ProxyError> refused_;
  bool is_empty_ = false;
};

TEST_F(ProxyHeaderReaderTest, WhatIsGluedToTheHeaderIsTheSessions) {
  start();
  send(kLine + "a LOGIN alice secret\r\n");
  loop_.until([this] { return session_ && session_->has_received("\r\n"); });
  EXPECT_EQ(session_->received, "a LOGIN alice secret\r\n");
  EXPECT_EQ(header_->source.address, "192.0.2.7");
  send("b NOOP\r\n");
  loop_.until([this] { return session_->has_received("b NOOP\r\n"); });
  session_->send("* OK\r\n");
  char answer[6];
  EXPECT_EQ(::recv(balancer_.fd(), answer, sizeof answer, MSG_WAITALL), 6);
}

TEST_F(ProxyHeaderReaderTest, ComesInPieces) {
  start();
  const std::string all = kLine + "glued";
  for (const char c : all) {
    send({&c, 1});
    loop_.turn();
  }
  loop_.until([this] { return session_ && session_->has_received("glued"); });
  EXPECT_EQ(session_->received, "glued");
  EXPECT_EQ(header_->destination.address, "198.51.100.1");
}

TEST_F(ProxyHeaderReaderTest, TakesTheLongestHeaderAndNotOneOctetMore) {
  start();
  const std::string local = "\r\n\r\n\0\r\nQUIT\n\x20\0\x10\0"s + std::string(4096, 'x');
  ASSERT_EQ(local.size(), ProxyHeaderParser::kMaximum);
  send(local + "glued");
  loop_.until([this] { return session_ && session_->has_received("glued"); });
  EXPECT_EQ(session_->received, "glued");
  EXPECT_FALSE(header_->has_addresses);
}

TEST_F(ProxyHeaderReaderTest, ASenderThatClosesItsSideBehindTheHeaderIsServed) {
  start();
  send(kLine + "last words");
  ::shutdown(balancer_.fd(), SHUT_WR);
  loop_.until([this] { return session_ && session_->ended; });
  EXPECT_EQ(session_->received, "last words");
}

TEST_F(ProxyHeaderReaderTest, RefusesWhatIsNoHeader) {
  start();
  send("a LOGIN alice secret\r\n");
  expect_refusal(ProxyError::Malformed, false);
}

TEST_F(ProxyHeaderReaderTest, RefusesAWrongChecksum) {
  start();
  send("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13"s + std::string(12, '\1') + "\3\0\4abcd"s);
  expect_refusal(ProxyError::Checksum, false);
}

TEST_F(ProxyHeaderReaderTest, RefusesAHeaderThatStalls) {
  start(std::chrono::milliseconds(1));
  send("PROXY TCP4 192.0.2.7");
  loop_.until([this] { return refused_.has_value(); });  // its octets may not even have been looked at
  EXPECT_EQ(refused_, ProxyError::Timeout);
}

TEST_F(ProxyHeaderReaderTest, RefusesSilence) {
  start(std::chrono::milliseconds(1));
  expect_refusal(ProxyError::Timeout, true);
}

TEST_F(ProxyHeaderReaderTest, TellsAConnectionThatEndsInsideOfTheHeader) {
  start();
  send("PROXY TCP4 192.0.2.7");
  ::shutdown(balancer_.fd(), SHUT_WR);
  expect_refusal(ProxyError::Closed, false);
}

TEST_F(ProxyHeaderReaderTest, TellsAProbeThatOnlyConnects) {
  start();
  ::shutdown(balancer_.fd(), SHUT_WR);
  expect_refusal(ProxyError::Closed, true);
}

TEST_F(ProxyHeaderReaderTest, TellsAReset) {
  start();
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(balancer_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  balancer_.close();
  loop_.until([this] { return refused_.has_value(); });
  EXPECT_EQ(refused_, ProxyError::Closed);
}

TEST_F(ProxyHeaderReaderTest, SaysNothingMoreOnceItIsDestroyed) {
  start(std::chrono::milliseconds(1));
  send(kLine);
  reader_.reset();
  for (int i = 0; i < 3; ++i) loop_.turn();
  EXPECT_FALSE(header_ || refused_);
  char octet = 0;
  EXPECT_LE(::recv(balancer_.fd(), &octet, 1, 0), 0);
}

}  // namespace
}  // namespace postern::net
