#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "tls/certificate_file.h"
#include "tls/context_impl.h"

namespace postern::tls {
namespace {

// OpenSSL 3.0 counts all that TLS 1.0 and 1.1 can do as below security level 1.
constexpr const char* kWeakCiphers = "DEFAULT@SECLEVEL=0";

Error invalid(const config::Upstream& settings, const std::string& what) {
  return {ErrorCode::ConfigInvalid, "upstream " + settings.name + ": " + what + " (" + take_reason() + ")"};
}

int version_number(config::TlsVersion version) noexcept {
  switch (version) {
    case config::TlsVersion::Tls10:
      return TLS1_VERSION;
    case config::TlsVersion::Tls11:
      return TLS1_1_VERSION;
    case config::TlsVersion::Tls12:
      return TLS1_2_VERSION;
    case config::TlsVersion::Tls13:
      return TLS1_3_VERSION;
  }
  return TLS1_2_VERSION;
}

// In place of the chain's verification: the server's key is one of those that the operator named (RFC 7469
// §2.4 for the form). Every pin is compared, and each in constant time.
int verify_pin(X509_STORE_CTX* store, void* argument) {
  const auto& impl = *static_cast<const ClientContext::Impl*>(argument);
  unsigned char* key = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(X509_STORE_CTX_get0_cert(store)), &key);
  std::array<unsigned char, 32> hash{};
  const bool hashed = size > 0 && EVP_Digest(key, static_cast<std::size_t>(size), hash.data(), nullptr,
                                             impl.sha256.get(), nullptr) == 1;
  OPENSSL_free(key);
  bool found = false;
  for (const auto& pin : impl.pins) found |= CRYPTO_memcmp(pin.data(), hash.data(), hash.size()) == 0;
  if (hashed && found) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

Result<void> set_algorithms(SSL_CTX* context, const config::Upstream& settings) {
  if (SSL_CTX_set_min_proto_version(context, version_number(settings.tls_min_version)) != 1)
    return invalid(settings, "tls_min_version");
  const bool weak = settings.tls_min_version < config::TlsVersion::Tls12;
  // Servers of that age know no RFC 5746 either. Renegotiation itself stays refused.
  if (weak) SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT);
  const char* ciphers = settings.tls_ciphers.empty() ? kWeakCiphers : settings.tls_ciphers.c_str();
  if ((weak || !settings.tls_ciphers.empty()) && SSL_CTX_set_cipher_list(context, ciphers) != 1)
    return invalid(settings, "tls_ciphers");
  // The groups are the library's own: an old server may know only what we would leave out, and since
  // OpenSSL 3.5 they begin with X25519MLKEM768.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);  // sessions to upstreams are not resumed
  return {};
}

Result<void> set_trust(SSL_CTX* context, const config::Upstream& settings) {
  if (settings.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return invalid(settings, "the system's certificates cannot be loaded");
  }
  // Read by us first: OpenSSL says less about a file that it cannot open.
  if (Result<std::string> text = read_file(settings.ca); !text) return text.error();
  if (SSL_CTX_load_verify_file(context, settings.ca.c_str()) != 1)
    return invalid(settings, settings.ca + " holds no certificate");
  // What stands in the file is trusted, also an intermediate or the server's own certificate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

Result<void> set_verification(ClientContext::Impl& impl, const config::Upstream& settings) {
  SSL_CTX* context = impl.context.get();
  switch (settings.verify) {
    case config::Verify::None:
      SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
      return {};
    case config::Verify::Pin:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
      SSL_CTX_set_cert_verify_callback(context, verify_pin, &impl);
      return {};
    case config::Verify::Full:
    case config::Verify::Ca:
      break;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return set_trust(context, settings);
}

}  // namespace

ClientContext::ClientContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClientContext::~ClientContext() = default;

Result<std::shared_ptr<const ClientContext>> ClientContext::make(const config::Upstream& settings) {
  auto impl = std::make_unique<Impl>();
  impl->verify = settings.verify;
  impl->pins = settings.pin_sha256;
  impl->context = make_ssl_context(TLS_client_method());
  impl->sha256.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  if (!impl->context || !impl->sha256) return invalid(settings, "no TLS context");
  if (Result<void> set = set_algorithms(impl->context.get(), settings); !set) return set.error();
  if (Result<void> set = set_verification(*impl, settings); !set) return set.error();
  if (!settings.client_cert.empty()) {
    Result<CertificatePair> pair = load_pair(settings.client_cert, settings.client_key);
    if (!pair) return pair.error();
    if (Result<void> used = use_pair(impl->context.get(), *pair); !used) return used.error();
  }
  take_error();
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(impl)));
}

}  // namespace postern::tls
