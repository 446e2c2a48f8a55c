// Whose name a login is under: as rewrite.user makes it, or as the client's certificate has it for SASL
// EXTERNAL (protocol.md §2). Pure.
#pragma once

#include <optional>
#include <string>

#include "base/octets.h"
#include "base/secret.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/user_rewrite.h"
#include "imap/sasl.h"

namespace postern::session {

// Whether the name in this mechanism can be put in another's place: it stands in a response by itself,
// neither bound to a proof nor hidden.
bool carries_name_alone(imap::Mechanism mechanism) noexcept;

// `rewrite` may be null: then the name as it came. Nothing: there is no name that may go on.
std::optional<std::string> rewritten_name(const filters::UserRewrite* rewrite, Octets name);

// A first response (decoded) of PLAIN or LOGIN, with its names rewritten.
struct NamedResponse {
  std::string user;  // the authzid if given
  Secret response;   // in base64; empty: as it came
};
std::optional<NamedResponse> rewritten_response(const filters::UserRewrite& rewrite,
                                                imap::Mechanism mechanism, Octets decoded);

// Whether any name in it has `separator` in it. `initial` is PLAIN's response, in base64, or empty.
bool names_have(Octets separator, Octets user, imap::Mechanism mechanism, Octets initial);

// Who SASL EXTERNAL logs in: the first email or UPN, or the common name, rewritten. Nothing without a
// verified certificate that has one.
std::optional<std::string> certified_user(const TlsFacts& tls, config::UserFrom user_from,
                                          const filters::UserRewrite* rewrite);

}  // namespace postern::session
