// The command line. The only user of CLI11, whose own exit codes are mapped to ours.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "tools/audit_command.h"
#include "tools/explain.h"

namespace postern::server {

enum class Subcommand : std::uint8_t { Run, Check, Explain, Capabilities, Audit, Version };

struct CommandLine {
  Subcommand subcommand = Subcommand::Run;
  std::string config_path;  // may be empty for Capabilities
  bool takeover = false;
  bool json = false;         // Capabilities
  ExplainQuestion question;  // Explain
  AuditQuestion audit;       // Audit
};

// What to do, or the exit status: 0 after --help, 2 after wrong usage. Help goes to `out`, complaints to
// `err`.
struct Parsed {
  std::optional<CommandLine> command;
  int status = 0;
};
Parsed parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace postern::server
