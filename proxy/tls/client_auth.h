// Clients' certificates (tls.client_auth): whom a client may be vouched for by, how that is asked and
// verified in a handshake, and what is read from a certificate afterwards. Internal to proxy/tls.
#pragma once

#include <openssl/x509_vfy.h>

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "crypto/openssl.h"

namespace postern::tls {

inline void free_names(STACK_OF(X509_NAME) * stack) noexcept { sk_X509_NAME_pop_free(stack, X509_NAME_free); }

using X509NamesPtr = std::unique_ptr<STACK_OF(X509_NAME), OpensslDeleter<free_names>>;
using X509StorePtr = std::unique_ptr<X509_STORE, OpensslDeleter<X509_STORE_free>>;

// The client's own certificate stands in its ticket, which must fit the room of one read().
constexpr int kClientCertificateBytesMax = 8 * 1024;

// The file `ca`, read once for all contexts of a TLS block.
struct ClientTrust {
  X509StorePtr store;
  X509NamesPtr names;          // told to clients, so that they choose well
  std::size_t name_bytes = 0;  // of all names, as a handshake carries them
  std::string content;         // of the file: what tickets are tied to
};

// The error names the file.
Result<ClientTrust> load_client_trust(const std::string& path);

// From now on this context asks its clients. What the file holds is trusted, also an intermediate one.
Result<void> ask_for_certificate(SSL_CTX* context, config::ClientAuth mode, const ClientTrust& trust);

// Whether a session that a ticket would resume may still be believed: a certificate in it must not have
// expired since. All else that a ticket must agree with is in the session id context.
bool may_resume(const SSL_SESSION* session) noexcept;

// The certificate of a client whose handshake is done; null if it has shown none. `sha256` was fetched.
std::shared_ptr<const ClientCertificate> client_certificate(const SSL* ssl, const EVP_MD* sha256);

}  // namespace postern::tls
