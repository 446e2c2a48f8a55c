// A fast fake IMAP server in plain text, and the auth_http server that nginx asks. One thread, one poller.
// It prints "imap=PORT http=PORT" once it listens and runs until it is ended by a signal.
#include <csignal>
#include <cstdio>
#include <functional>

#include "common/options.h"
#include "common/poller.h"
#include "common/socket.h"
#include "fake_upstream/auth_http.h"
#include "fake_upstream/imap_peer.h"
#include "fake_upstream/mailbox.h"

namespace postern::bench {

namespace {

class Listener : public Watcher {
 public:
  Listener(Poller& poller, std::uint16_t port, std::function<void(Fd)> accepted)
      : socket_(listen_on(port)), accepted_(std::move(accepted)) {
    poller.add(*socket_, EPOLLIN, *this);
  }

  std::uint16_t port() const { return port_of(socket_); }

  void ready(std::uint32_t) override {
    for (Fd peer = accept_from(socket_); peer.valid(); peer = accept_from(socket_))
      accepted_(std::move(peer));
  }

 private:
  Fd socket_;
  std::function<void(Fd)> accepted_;
};

void run(const Options& options) {
  raise_descriptor_limit();
  const Mailbox mailbox;
  Poller poller;
  Listener imap(poller, static_cast<std::uint16_t>(options.number("port", 0)),
                [&](Fd socket) { ImapPeer::start(poller, mailbox, std::move(socket)); });
  Listener http(poller, static_cast<std::uint16_t>(options.number("http-port", 0)),
                [&](Fd socket) { AuthHttp::start(poller, imap.port(), std::move(socket)); });
  std::printf("imap=%u http=%u\n", static_cast<unsigned>(imap.port()), static_cast<unsigned>(http.port()));
  std::fflush(stdout);
  for (;;) poller.step(-1);
}

}  // namespace

}  // namespace postern::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  postern::bench::run(postern::bench::Options(argc, argv, {"port", "http-port"}));
}
