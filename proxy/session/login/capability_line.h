// The places in which an upstream tells its capabilities (RFC 9051 §7.2.2, §7.1), and their rewriting for the
// client. One place, so that the list is truthful in all of them.
#pragma once

#include <optional>
#include <string>

#include "base/octets.h"
#include "config/settings.h"
#include "imap/capability.h"
#include "imap/response.h"

namespace postern::session {

// The list in `* CAPABILITY …` or in a `[CAPABILITY …]` code; nothing if the response is neither.
// `whole` are all of the response's octets (the scanner gathers such lines).
std::optional<Octets> listed_capabilities(const imap::Response& response, Octets whole);

// What rewrite.* and limits.* change in a list. Borrows the settings.
imap::CapabilityEdit edit_of(const config::Settings& settings) noexcept;

// The same response with its list edited for the client; the rest as it came, CRLF at the end. Nothing if it
// has no list.
std::optional<std::string> with_edited_list(const config::Settings& settings, const imap::Response& response,
                                            Octets whole);

// What a client is told after login of what the upstream has, by rewrite.*.
std::string edited_capabilities(const config::Settings& settings, const imap::CapabilityList& list);

}  // namespace postern::session
