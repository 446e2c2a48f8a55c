#include <csignal>
#include <iostream>

#include "process/server.h"
#include "telemetry/version.h"
#include "tls/context.h"
#include "tools/audit_command.h"
#include "tools/capabilities.h"
#include "tools/check.h"
#include "tools/cli.h"
#include "tools/explain.h"

int main(int argc, char** argv) {
  using namespace postern;
  // First of all: a client that goes away in the middle of a write must be an error, not the end.
  std::signal(SIGPIPE, SIG_IGN);
  const server::Parsed parsed = server::parse_command_line(argc, argv, std::cout, std::cerr);
  if (!parsed.command) return parsed.status;
  switch (parsed.command->subcommand) {
    case server::Subcommand::Version:
      std::cout << "postern " << server::version() << " (" << server::revision() << ", "
                << tls::library_version() << ")\n";
      return 0;
    case server::Subcommand::Check:
      return server::check(parsed.command->config_path, std::cout, std::cerr);
    case server::Subcommand::Explain:
      return server::explain(parsed.command->question, std::cout, std::cerr);
    case server::Subcommand::Capabilities:
      return server::show_capabilities(parsed.command->config_path, parsed.command->json, std::cout,
                                       std::cerr);
    case server::Subcommand::Audit:
      return server::audit(parsed.command->audit, std::cout, std::cerr);
    case server::Subcommand::Run:
      return server::Server({parsed.command->config_path, parsed.command->takeover}).run();
  }
}
