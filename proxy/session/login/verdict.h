// What a client is told of an upstream's status responses where they may not pass as they come (protocol.md
// §2, security.md rows 27 and 30): a refused login keeps its code, and the words are the gateway's; a
// referral, which names a server to go to instead, loses its code wherever it stands. Pure.
#pragma once

#include <string>

#include "imap/response.h"
#include "telemetry/cells.h"

namespace postern::session {

struct Refusal {
  telemetry::AuthResult result = telemetry::AuthResult::Failure;
  std::string answer;  // behind the tag, without the line end
};
// What a tagged NO or BAD to credentials means, and what is said of it. Temporary: nobody has failed to log
// in, the upstream cannot at the moment (RFC 5530).
Refusal refusal_of(const imap::Response& response);

// The same status response without its code, CRLF at the end. `response` is its head; of a longer line what
// stands behind the head is left out.
std::string without_code(const imap::Response& response);

}  // namespace postern::session
