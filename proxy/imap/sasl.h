// What the gateway must know of SASL mechanisms: who speaks first, where the user's name stands, and which of
// them cannot pass a terminator (protocol.md §2). Pure; everything that holds a response is a Secret.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/octets.h"
#include "base/secret.h"

namespace postern::imap {

enum class Mechanism : std::uint8_t {
  Login,  // the LOGIN command, for metrics
  Plain,
  SaslLogin,
  CramMd5,
  CramSha1,  // Courier's, like CRAM-MD5 with another digest
  CramSha256,
  DigestMd5,
  ScramSha1,
  ScramSha256,
  Xoauth2,
  Oauthbearer,
  Gssapi,
  External,
  Other,
  kCount,
};

struct MechanismRow {
  Mechanism mechanism;
  Octets name;        // as in AUTH=…; "LOGIN" twice: the command's label is "login_command"
  Octets label;       // lower case, for metrics
  bool client_first;  // an initial response is legal; without one the gateway itself asks by an empty "+"
  bool shows_user;    // in the first response, in time for routing
  bool names_later;   // in the answer to the first challenge: in time for rules, too late for routing
};
const MechanismRow& row_of(Mechanism mechanism) noexcept;
Mechanism mechanism_of(Octets name) noexcept;  // any case; Other for what has no row
bool is_channel_bound(Octets name) noexcept;   // …-PLUS

// The name in the first response (decoded): the authzid if given, else the authcid. SCRAM's =2C and =3D are
// decoded. CRAM and DIGEST-MD5: in the answer to the challenge. Empty where the mechanism hides it or the
// response is malformed.
std::string user_in_response(Mechanism mechanism, Octets decoded);
// RFC 4616 §2. Nothing where the response is malformed.
struct PlainParts {
  Octets authzid;
  Octets authcid;
  Octets password;
};
std::optional<PlainParts> plain_parts(Octets decoded) noexcept;
// RFC 5802 §6: a SCRAM client-first message whose gs2 flag is "y" (the client could bind, but saw no -PLUS).
bool claims_no_plus_seen(Octets decoded) noexcept;
// RFC 2831 §2.1.2: a DIGEST-MD5 response that asks for more than authentication (qop=auth-int, auth-conf):
// what follows the login would be wrapped, and could be read by nobody on the way.
bool wants_security_layer(Octets decoded);

}  // namespace postern::imap
