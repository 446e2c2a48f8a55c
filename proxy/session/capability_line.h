// The places in which an upstream tells its capabilities (RFC 9051 §7.2.2, §7.1), and their rewriting for the
// client. One place, so that the list is truthful in all of them.
#pragma once

#include <optional>
#include <string>

#include "base/octets.h"
#include "imap/capability.h"
#include "imap/response.h"

namespace postern::session {

// The list in `* CAPABILITY …` or in a `[CAPABILITY …]` code; nothing if the response is neither.
// `whole` are all of the response's octets (the scanner gathers such lines).
std::optional<Octets> listed_capabilities(const imap::Response& response, Octets whole);

// The same response with its list replaced by `edited`; the rest as it came, CRLF at the end.
std::string with_capabilities(const imap::Response& response, Octets whole, Octets edited);

}  // namespace postern::session
