// The floor: the least that a TLS relay can do on one thread with epoll and OpenSSL, without any parsing.
// It prints "port=PORT" once it listens and runs until it is ended by a signal.
#include <csignal>
#include <cstdio>

#include "common/options.h"
#include "floor/pair.h"

namespace postern::bench {

namespace {

class Listener : public Watcher {
 public:
  explicit Listener(const FloorSetup& setup, std::uint16_t port) : setup_(setup), socket_(listen_on(port)) {
    setup_.poller.add(*socket_, EPOLLIN, *this);
  }

  std::uint16_t port() const { return port_of(socket_); }

  void ready(std::uint32_t) override {
    for (Fd client = accept_from(socket_); client.valid(); client = accept_from(socket_))
      Pair::start(setup_, std::move(client));
  }

 private:
  const FloorSetup& setup_;
  Fd socket_;
};

void run(const Options& options) {
  raise_descriptor_limit();
  Poller poller;
  static GatherBuffer gather;
  const SslContextPtr context =
      options.has("plain") ? nullptr : server_context(options.text("cert", ""), options.text("key", ""));
  const FloorSetup setup{poller, context.get(), options.has("batch") ? &gather : nullptr,
                         parse_address(options.text("upstream", ""))};
  Listener listener(setup, static_cast<std::uint16_t>(options.number("port", 0)));
  std::printf("port=%u\n", static_cast<unsigned>(listener.port()));
  std::fflush(stdout);
  for (;;) poller.step(-1);
}

}  // namespace

}  // namespace postern::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  postern::bench::run(
      postern::bench::Options(argc, argv, {"port", "upstream", "cert", "key", "plain", "batch"}));
}
