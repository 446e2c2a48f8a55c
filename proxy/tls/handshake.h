// The callbacks of a server's handshake: which certificate, which protocol, which ticket key. They find what
// belongs to the session through its BIO, and what belongs to the TLS block through their argument. They
// never block and change nothing but the session at hand. Internal to proxy/tls; called on the session's
// worker.
#pragma once

#include "crypto/openssl.h"
#include "tls/context_impl.h"

namespace postern::tls {

// Joins the callbacks to one of the SSL_CTXs of `impl`, whose address must not change any more.
void install_callbacks(SSL_CTX* context, ServerContext::Impl& impl);

// What the client named in its hello, or empty (RFC 6066 §3). Borrowed from the hello.
Octets server_name_in(SSL* ssl);

}  // namespace postern::tls
