#include <csignal>
#include <iostream>

#include "server/audit_command.h"
#include "server/capabilities.h"
#include "server/check.h"
#include "server/cli.h"
#include "server/explain.h"
#include "server/server.h"
#include "server/version.h"
#include "tls/context.h"

int main(int argc, char** argv) {
  using namespace postern;
  // First of all: a client that goes away in the middle of a write must be an error, not the end.
  std::signal(SIGPIPE, SIG_IGN);
  const server::Parsed parsed = server::parse_command_line(argc, argv, std::cout, std::cerr);
  if (!parsed.command) return parsed.status;
  switch (parsed.command->verb) {
    case server::Verb::Version:
      std::cout << "postern " << server::version() << " (" << server::revision() << ", "
                << tls::library_version() << ")\n";
      return 0;
    case server::Verb::Check:
      return server::check(parsed.command->config_path, std::cout, std::cerr);
    case server::Verb::Explain:
      return server::explain(parsed.command->question, std::cout, std::cerr);
    case server::Verb::Capabilities:
      return server::show_capabilities(parsed.command->config_path, parsed.command->json, std::cout,
                                       std::cerr);
    case server::Verb::Audit:
      return server::audit(parsed.command->audit, std::cout, std::cerr);
    case server::Verb::Run:
      return server::Server({parsed.command->config_path, parsed.command->takeover}).run();
  }
}
