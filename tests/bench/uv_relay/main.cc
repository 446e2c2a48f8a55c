// A TLS relay on one libuv loop, without IMAP. It prints "port=PORT" once it listens and runs until it is
// ended by a signal.
#include <csignal>
#include <cstdio>
#include <memory>

#include "common/options.h"
#include "common/socket.h"
#include "uv_relay/pair.h"

namespace postern::bench {

namespace {

void on_connection(uv_stream_t* listener, int status) {
  if (status == 0) Pair::start(*static_cast<UvSetup*>(listener->data), listener);
}

void run(const Options& options) {
  raise_descriptor_limit();
  const SslContextPtr context = server_context(options.text("cert", ""), options.text("key", ""));
  SSL_CTX_set_num_tickets(context.get(), 1);
  const auto setup = std::make_unique<UvSetup>();
  setup->loop = uv_default_loop();
  setup->context = context.get();
  setup->upstream = parse_address(options.text("upstream", ""));
  Fd socket = listen_on(static_cast<std::uint16_t>(options.number("port", 0)));
  uv_tcp_t listener;
  uv_tcp_init(setup->loop, &listener);
  listener.data = setup.get();
  uv_tcp_open(&listener, *socket);
  uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection);
  std::printf("port=%u\n", static_cast<unsigned>(port_of(socket)));
  std::fflush(stdout);
  uv_run(setup->loop, UV_RUN_DEFAULT);
}

}  // namespace

}  // namespace postern::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  postern::bench::run(postern::bench::Options(argc, argv, {"port", "upstream", "cert", "key"}));
}
