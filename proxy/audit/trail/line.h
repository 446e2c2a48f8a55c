// A line of the trail taken apart again as far as the chain needs it: by whoever finds out where a trail
// ends, or proves that it is whole. Says nothing about whether the hash is right. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/octets.h"
#include "crypto/digest.h"

namespace postern::audit {

struct Line {
  std::uint64_t sequence = 0;
  Octets event;            // "command.intent"
  Octets content;          // what the hash is over; with chain: false all of it
  tls::Sha256 previous{};  // zero with chain: false
  tls::Sha256 hash{};
};

// `line`: without its line end. Nothing: these octets are no whole record.
std::optional<Line> read_line(Octets line, bool chained);

}  // namespace postern::audit
