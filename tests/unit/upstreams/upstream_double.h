// A scripted IMAP server on the loopback for the tests of probes and monitors: it greets, and answers each
// line by the script. Lives on the test's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/listener.h"
#include "tls/engine.h"
#include "unit/net/support.h"

namespace postern::server {

class UpstreamDouble final : private net::Acceptor {
 public:
  explicit UpstreamDouble(net::Loop& loop) : loop_(loop), listener_(*this, 0) {
    net::Socket socket = net::loopback_socket();
    address = net::address_of(socket);
    EXPECT_TRUE(listener_.open(loop.get(), std::move(socket)));
  }
  ~UpstreamDouble() override {
    listener_.close();
    for (const auto& talker : talkers_) talker->close();
    loop_.until([this] {
      for (const auto& talker : talkers_)
        if (!talker->closed()) return false;
      return true;
    });
  }

  bool heard(const std::string& text) const {
    for (const auto& talker : talkers_)
      if (talker->has_received(text)) return true;
    return false;
  }
  std::size_t connections() const { return talkers_.size(); }

  sockaddr_storage address{};
  std::string greeting = "* OK ready\r\n";
  std::string capabilities = "IMAP4rev1 AUTH=PLAIN";

 private:
  void accepted(std::size_t, net::Socket client, net::Peer) noexcept override {
    auto& talker = talkers_.emplace_back(std::make_unique<net::Talker>(loop_, std::move(client)));
    talker->on_octets = [this](net::Talker& from) { answer(from); };
    talker->send(greeting);
  }
  void accept_failed(std::size_t, int) noexcept override { ADD_FAILURE() << "accept failed"; }

  // The last line received; CAPABILITY and LOGOUT are all that a probe says in clear.
  void answer(net::Talker& to) const {
    const std::size_t end = to.received.rfind("\r\n");
    if (end == std::string::npos) return;
    const std::size_t before = end == 0 ? std::string::npos : to.received.rfind("\r\n", end - 1);
    const std::string line = to.received.substr(before == std::string::npos ? 0 : before + 2);
    const std::string tag = line.substr(0, line.find(' '));
    if (line.find(" CAPABILITY") != std::string::npos)
      to.send("* CAPABILITY " + capabilities + "\r\n" + tag + " OK done\r\n");
    if (line.find(" LOGOUT") != std::string::npos) to.send("* BYE\r\n" + tag + " OK bye\r\n");
  }

  net::Loop& loop_;
  net::Listener listener_;
  std::vector<std::unique_ptr<net::Talker>> talkers_;
};

}  // namespace postern::server
