// The key exchange of TLS towards clients (tls.groups). Internal to proxy/tls.
#pragma once

#include <string>

#include "base/result.h"
#include "crypto/openssl.h"

namespace postern::tls {

// Whether the TLS library can do this group; a name of its own, such as "P-256". Leaves no error behind.
bool knows_group(SSL_CTX* context, const std::string& name);

// What serves where the operator names no groups, of those that the library knows, the first preferred:
// X25519MLKEM768 (ML-KEM-768 and X25519 in one, so that what is recorded today stays closed to the quantum
// computers of tomorrow; OpenSSL 3.5), X25519, P-256, P-384.
std::string best_groups(SSL_CTX* context);

// `list` in the library's own notation; empty = best_groups. The error names what the library does not know.
Result<void> set_groups(SSL_CTX* context, const std::string& list);

}  // namespace postern::tls
