// The lexical rules of a command's line, the same for every verb: what stands outside of quotes and literals
// has its place in the grammar (RFC 9051 §9), or some parser counts on from somewhere else. Pure.
#pragma once

#include <array>
#include <cstddef>

#include "base/error_code.h"
#include "base/octets.h"
#include "imap/command.h"

namespace postern::imap {

// The octets at which scanning a line has to stop and think: a line without them is plain.
constexpr std::array<bool, 256> make_stops() noexcept {
  std::array<bool, 256> stops{};
  for (unsigned c = 0; c < 0x20; ++c) stops[c] = true;
  stops[0x7f] = stops['"'] = stops['\\'] = stops['('] = stops[')'] = stops['{'] = stops['}'] = true;
  return stops;
}
inline constexpr auto kStops = make_stops();

inline std::size_t next_stop(Octets line, std::size_t at) noexcept {
  const char* octet = line.data() + at;
  const char* const end = line.data() + line.size();
  while (octet < end && !kStops[static_cast<unsigned char>(*octet)]) ++octet;
  return static_cast<std::size_t>(octet - line.data());
}

// A word like a number or a sequence set of more digits than any counter holds. Whether it is one says the
// grammar: a name may be nothing but digits. `text` is outside of quotes.
inline constexpr std::size_t kNumberDigits = 20;
bool has_endless_number(Octets text) noexcept;
bool has_endless_digits(Octets text) noexcept;  // in whatever word

struct CommandLine {
  ErrorCode error = ErrorCode::Ok;  // where the command ends is uncertain
  bool literal = false;             // the line ends in the announcement of one …
  std::size_t literal_at = 0;       // … its brace, or the tilde before it, stands here
  LiteralInfo info;
  bool digits = false;  // has_endless_digits
  bool number = false;  // has_endless_number
  bool odd = false;  // an octet stands where no grammar has it; where the line ends is certain all the same
};

// `tag_end`: to there the line is a command's tag, which parse_head judges. `depth`: of open parentheses,
// from line to line of one command.
CommandLine scan_command_line(Octets line, std::size_t tag_end, std::size_t& depth) noexcept;

// From the opening quote to the closing one; the error if there is none.
ErrorCode skip_quoted(Octets line, std::size_t& at) noexcept;

}  // namespace postern::imap
