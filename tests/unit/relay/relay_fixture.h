// A client in clear text, the gateway and a scripted upstream in one loop, for the tests of the relay.
#pragma once

#include "unit/relay/relay_support.h"

namespace postern::net {

class RelayTest : public ::testing::Test {
 protected:
  RelayTest() { gateway_.upstream.endpoints = {upstream_.endpoint()}; }
  ~RelayTest() override {
    if (!client_) return;
    client_->close();
    loop_.until([&] { return client_->closed(); });
  }

  void connect() {
    client_ = std::make_unique<Talker>(loop_, gateway_.address);
    hears("* OK [CAPABILITY ");
  }
  // A client that has said LOGIN and will be reset when its socket is closed.
  Socket connect_resettable() {
    Socket socket = connect_to(gateway_.address);
    const linger at_once{1, 0};
    EXPECT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    const std::string login = "a LOGIN alice secret\r\n";
    EXPECT_EQ(::send(socket.fd(), login.data(), login.size(), 0), static_cast<ssize_t>(login.size()));
    return socket;
  }
  void says(Octets octets) { client_->send(octets); }
  // Waits for the octets and forgets all up to their end.
  void hears(const std::string& text) {
    loop_.until([&] { return client_->has_received(text) || client_->ended; });
    const std::size_t at = client_->received.find(text);
    ASSERT_NE(at, std::string::npos) << "not heard: " << text << "\nbut: " << client_->received;
    client_->received.erase(0, at + text.size());
  }
  void hears_the_end() {
    loop_.until([&] { return client_->ended; });
    EXPECT_EQ(client_->end_error, 0);
  }
  void log_in() {
    connect();
    says("a LOGIN alice secret\r\n");
    hears("a OK");
    hears("\r\n");
  }
  void session_ends() {
    loop_.until([&] { return gateway_.ended_sessions == 1; });
    EXPECT_EQ(gateway_.listener().active.load(), 0U);
    EXPECT_EQ(gateway_.upstream_cells().active.load(), 0U);
    EXPECT_EQ(gateway_.buffered(), 0U);
  }

  Loop loop_;
  FakeUpstream upstream_{loop_};
  Gateway gateway_{loop_, config::ListenerTls::Off};
  std::unique_ptr<Talker> client_;
};

}  // namespace postern::net
