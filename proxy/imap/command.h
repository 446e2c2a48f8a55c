// One client command as the CommandScanner framed it. All views are borrowed from the scanner or from the
// input and valid until the scanner's next call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/octets.h"
#include "imap/verb.h"

namespace postern::imap {

// A literal as announced: {n}, {n+}, ~{n}, ~{n+} (RFC 9051 §4.3, RFC 7888, RFC 3516).
struct LiteralInfo {
  std::uint64_t size = 0;
  bool synchronising = true;
  bool literal8 = false;
};

// An argument literal inside Command::text, where it always reads `{n}CRLF` + n octets, whatever the client
// wrote ({n+}, a bare LF): offset of the brace (of the tilde for literal8), offset and size of its octets.
struct ArgumentLiteral {
  std::size_t announced_at = 0;
  std::size_t octets_at = 0;
  std::size_t size = 0;
  bool literal8 = false;
};

// How much of a command one event of the scanner shows.
enum class Piece : std::uint8_t {
  Whole,  // all of it
  First,  // its head; a message follows, and perhaps more
  Later,  // what stands behind a message of it: the next message's head, or the end; it has no tag of its own
};

struct Command {
  Piece piece = Piece::Whole;
  Octets tag;
  Octets name;  // as written, without UID
  Verb verb = Verb::Unknown;
  bool uid = false;
  // Everything from the tag to before the line end, argument literals inlined; if a body is announced, to
  // before its `{` (or `~`). For a later part of a command (behind a body) only that part's octets.
  Octets text;
  Octets args;  // the part of `text` behind the name and its SP; empty if there is none
  std::vector<ArgumentLiteral> literals;  // offsets into `text`, in order
  std::optional<LiteralInfo> body;        // this head or part ends in a message literal of that size
};

}  // namespace postern::imap
