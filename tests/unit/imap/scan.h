// Runs a scanner over one input, cut in every way that matters, and tells as text what came out of it. Each
// piece lies in memory of its own that ends with it, so the sanitizer sees what reads on.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "imap/command_scanner.h"
#include "imap/response_scanner.h"

namespace postern::imap::testing {

using Events = std::vector<std::string>;
using Pieces = std::vector<std::string>;

std::string shown(Octets octets);  // control octets as \r, \n, \x..
std::string shown(const Command& command);

// What the test's session does: asked at Head, Part, ArgumentLiteral and Body; true = refuse().
using Refuses = std::function<bool(CommandEvent, const Command&)>;

struct CommandRun {
  CommandLimits limits;
  Refuses refuses = {};
  std::size_t most_held = 0;  // out: the highest held_octets() that was seen
};

// The events of the pieces: "Head a1 UID STORE [1 +FLAGS (\Seen)]", "Body hello", "BodyEnd", …; consecutive
// Body events are one.
Events scan_commands(const Pieces& pieces, CommandRun& run);
// The same for `input` whole; with it whole, octet by octet and cut at every point into two it must be equal,
// else a failure is added. Inputs longer than `every_cut` are cut at fewer points.
Events scan_commands_every_way(const std::string& input, CommandRun run = {});

// "* FETCH 5 OK=None …" for the head, then the octets of the response as one range.
Events scan_responses(const Pieces& pieces, std::size_t* most_held = nullptr);
Events scan_responses_every_way(const std::string& input);

std::vector<Pieces> cuts(const std::string& input);

}  // namespace postern::imap::testing
