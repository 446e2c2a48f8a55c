// The load generator: one thread that plays the clients of one scenario against one address and prints what
// it measured as one line of JSON.
//
// With --sync it says "ready" once all connections stand, waits for a line on standard input, works, prints
// the JSON and holds its connections until standard input ends, so that the caller can read the server's CPU
// clock and memory at the right moments.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include "common/options.h"
#include "common/poller.h"
#include "common/socket.h"
#include "common/tls.h"
#include "load/runner.h"
#include "load/script.h"

namespace postern::bench {

namespace {

Tls tls_mode(const std::string& text) {
  if (text == "implicit") return Tls::Implicit;
  if (text == "starttls") return Tls::StartTls;
  if (text == "off") return Tls::Off;
  die("--tls is implicit, starttls or off", 2);
}

void wait_for_caller() {
  std::string line;
  std::getline(std::cin, line);
}

int run(const Options& options) {
  raise_descriptor_limit();
  const Script script =
      make_script(options.text("scenario", "noop"), tls_mode(options.text("tls", "implicit")),
                  options.number("body-mib", 64));
  const SslContextPtr context = client_context();
  Poller poller;
  const ConnectionSetup connection{poller, script, context.get(), parse_address(options.text("target", "")),
                                   options.has("quickack")};
  RunnerSetup setup;
  setup.connections = options.number("connections", 1);
  setup.operations = options.number("operations", 0);
  setup.duration = options.number("seconds", 2) * 1'000'000'000;
  Runner runner(connection, context.get(), setup);
  if (!runner.set_up()) return 1;
  if (options.has("sync")) {
    std::puts("ready");
    std::fflush(stdout);
    wait_for_caller();
  }
  runner.run();
  std::puts(runner.measurement().json().c_str());
  std::fflush(stdout);
  if (options.has("sync")) wait_for_caller();
  return runner.measurement().errors == 0 ? 0 : 1;
}

}  // namespace

}  // namespace postern::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return postern::bench::run(postern::bench::Options(
      argc, argv,
      {"target", "scenario", "tls", "connections", "operations", "seconds", "body-mib", "quickack", "sync"}));
}
