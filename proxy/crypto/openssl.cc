#include "crypto/openssl.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

namespace postern::tls {

unsigned long take_error() noexcept {
  unsigned long chosen = 0;
  while (const unsigned long error = ERR_get_error()) {
    const bool better = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_LIB(chosen) != ERR_LIB_SSL;
    if (chosen == 0 || better) chosen = error;
  }
  return chosen;
}

std::string words_of(unsigned long error) {
  const char* words = error == 0 ? nullptr : ERR_reason_error_string(error);
  return words == nullptr ? "no reason given" : words;
}

SslContextPtr make_ssl_context(const SSL_METHOD* method) {
  // SSL_CTX_new applies the section system_default of the distribution's openssl.cnf; callers override it.
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1)
    return nullptr;
  SslContextPtr context(SSL_CTX_new(method));
  if (!context) return nullptr;
  SSL_CTX_clear_options(context.get(), SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                           SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_EXTENDED_MASTER_SECRET |
                                           SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle session owns no record buffers; the chain is what the file says, not what a store might add at
  // each handshake. read_ahead stays off: SSL_pending is then exact, and a header more costs only a memcpy.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_proto_version(context.get(), 0);
  return context;
}

}  // namespace postern::tls
