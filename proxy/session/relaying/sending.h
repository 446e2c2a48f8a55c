// A command on its way upstream that cannot go in one piece: argument literals that the upstream has to ask
// for, or a message body (protocol.md §3). It exists only until the last piece is out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/error_code.h"
#include "imap/writer.h"

namespace postern::session {

struct Sending {
  enum class Stage : std::uint8_t {
    Announcing,    // "+" is awaited for the next chunk
    AwaitingPlus,  // … for the message: all chunks are out
    Streaming,     // the message is on its way: no "+" is awaited
    BetweenParts,  // it is through, and what follows it is judged, or waits to be: likewise
    Aborting,      // ` {0}` was sent: a later message was refused, and with it the whole
  };

  // The first chunk is out.
  Sending(std::string tag_of_command, imap::Program pieces, bool with_body, bool client_asks)
      : tag(std::move(tag_of_command)),
        program(std::move(pieces)),
        body(with_body),
        client_waits(client_asks),
        stage(is_announced() ? Stage::AwaitingPlus : Stage::Announcing) {}
  // What breaks off the command of that tag is out.
  Sending(std::string tag_of_command, ErrorCode why)
      : tag(std::move(tag_of_command)), further(true), aborted(why), stage(Stage::Aborting) {}

  bool is_announced() const noexcept { return body && next_chunk >= program.chunks.size(); }
  bool awaits_plus() const noexcept { return stage == Stage::Announcing || stage == Stage::AwaitingPlus; }
  // The upstream has not all of the command; it counts octets, or waits for the rest.
  bool is_inside() const noexcept { return stage == Stage::Streaming || stage == Stage::BetweenParts; }
  // A message follows the last chunk, for which the client waits for "+" itself: before that it may not
  // speak.
  bool is_early() const noexcept { return body && client_waits && !is_streaming(); }
  bool is_streaming() const noexcept { return stage == Stage::Streaming; }

  std::string tag;
  imap::Program program = {};
  std::size_t next_chunk = 1;
  bool body = false;
  bool client_waits = false;
  bool further = false;               // of a command whose first message is at the upstream already
  ErrorCode aborted = ErrorCode::Ok;  // Aborting: why
  Stage stage = Stage::Announcing;
};

}  // namespace postern::session
