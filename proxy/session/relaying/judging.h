// What a command of a client that is logged in may do: judged here, once, for the session and for
// `postern explain` alike, so that what is explained is what is done. The gateway's own bounds come first,
// then the filters in their order; nothing is carried out and nothing counted but what filters count. Pure
// but for the chain; single-threaded.
#pragma once

#include <string>

#include "base/error_code.h"
#include "config/settings.h"
#include "filters/chain.h"
#include "imap/command.h"
#include "imap/command_scanner.h"
#include "telemetry/cells.h"

namespace postern::session {

// What the scanner of a client's commands is bounded by.
imap::CommandLimits command_limits_of(const config::Settings& settings) noexcept;

// A command that goes nowhere whatever the rules say.
struct OwnRefusal {
  Octets answer;  // behind the tag, without the line end; a constant
  telemetry::CommandResult result = telemetry::CommandResult::Bad;
  bool too_large = false;  // a literal is: counted as what could not be read
  bool ends = false;       // its octets are under way, and nothing but the connection's end stops them
};
// Null: the filters have the say; else a constant. Asked again where an argument literal is announced.
const OwnRefusal* own_refusal(const imap::Command& command, const config::Settings& settings);

struct Judgement {
  const OwnRefusal* own = nullptr;
  filters::Decision decision = {};  // the filters'; Pass if `own`
};
// A head or a later part. Asked again of the same command behind resume() or answer() of the chain.
Judgement judge(filters::Chain& chain, imap::Command& command, const filters::Context& context,
                const config::Settings& settings);

// As the client reads it: behind the tag, of a Deny; the BYE, of a Close.
std::string answer_of(const filters::Decision& decision);
std::string answer_of(const OwnRefusal& refusal);

}  // namespace postern::session
