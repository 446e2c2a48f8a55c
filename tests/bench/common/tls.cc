#include "common/tls.h"

#include "common/options.h"

namespace postern::bench {

namespace {

void set_modes(SSL_CTX* context) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

}  // namespace

SslContextPtr server_context(const std::string& certificate, const std::string& key) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
    die("cannot read the certificate " + certificate);
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    die("cannot read the key " + key);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const unsigned char session_id[] = "bench";
  SSL_CTX_set_session_id_context(context.get(), session_id, sizeof session_id - 1);
  set_modes(context.get());
  return context;
}

SslContextPtr client_context() {
  SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_256_GCM_SHA384");
  SSL_CTX_set1_groups_list(context.get(), "X25519");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  set_modes(context.get());
  return context;
}

}  // namespace postern::bench
