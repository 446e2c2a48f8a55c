// OpenSSL contexts for the bench, and owners for its types. The relays take OpenSSL's own defaults where
// nothing is said: they are the yardstick, not a product.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace postern::bench {

struct SslFree {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContextPtr = std::unique_ptr<SSL_CTX, SslFree>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, SslFree>;

// Stateless tickets, buffers released when empty. Ends the process if the files cannot be read.
SslContextPtr server_context(const std::string& certificate, const std::string& key);

// TLS 1.3, AES-256-GCM and X25519 alone, so that every server is measured with the same cipher.
SslContextPtr client_context();

}  // namespace postern::bench
