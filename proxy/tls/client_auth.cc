#include "tls/client_auth.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/hex.h"
#include "base/octets.h"
#include "crypto/digest.h"
#include "tls/certificate_file.h"

namespace postern::tls {
namespace {

// Of all handshake messages that a client may send with its chain, which is gathered before anything is
// known.
constexpr long kChainBytesMax = 64 * 1024;

// A client signs by its own kind of key, whatever ours is: without this list it would have to be the same.
constexpr const char* kClientSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:"
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

using BignumPtr = std::unique_ptr<BIGNUM, OpensslDeleter<BN_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDeleter<GENERAL_NAMES_free>>;

Error invalid(const std::string& what) {
  return {ErrorCode::ConfigInvalid, what + " (" + take_reason() + ")"};
}

int compare_names(const X509_NAME* const* a, const X509_NAME* const* b) { return X509_NAME_cmp(*a, *b); }

// The chain's verification, once the certificate is known to be of a size that can be kept.
int verify_client(X509_STORE_CTX* store, void*) {
  if (i2d_X509(X509_STORE_CTX_get0_cert(store), nullptr) > kClientCertificateBytesMax) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
  return X509_verify_cert(store);
}

// As UTF-8; empty where it is nothing that could be a name: a NUL inside has fooled others.
std::string text_of(const ASN1_STRING* value) {
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, value);
  if (size < 0) return {};
  const Octets octets(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
  const bool is_name = octets.size() <= ClientCertificate::kNameBytes &&
                       std::none_of(octets.begin(), octets.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  std::string name(is_name ? octets : Octets());
  OPENSSL_free(text);
  return name;
}

void add_name(std::vector<std::string>& names, std::string name) {
  if (!name.empty() && names.size() < ClientCertificate::kNamesMax) names.push_back(std::move(name));
}

void read_alternative_names(const X509* cert, ClientCertificate& out) {
  const GeneralNamesPtr list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(list.get(), i);
    if (entry->type == GEN_EMAIL) add_name(out.emails, text_of(entry->d.rfc822Name));
    if (entry->type != GEN_OTHERNAME || OBJ_obj2nid(entry->d.otherName->type_id) != NID_ms_upn) continue;
    const ASN1_TYPE* value = entry->d.otherName->value;
    if (value != nullptr && value->type == V_ASN1_UTF8STRING)
      add_name(out.upns, text_of(value->value.utf8string));
  }
}

void read_subject(const X509* cert, ClientCertificate& out) {
  const X509_NAME* subject = X509_get_subject_name(cert);
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (text && X509_NAME_print_ex(text.get(), subject, 0, XN_FLAG_RFC2253) >= 0) {
    char* memory = nullptr;
    const long size = BIO_get_mem_data(text.get(), &memory);
    if (size > 0) out.subject.assign(memory, static_cast<std::size_t>(size));
  }
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    // The names go from the general to the specific, so the last one stays.
    if (kind == NID_commonName) out.common_name = text_of(X509_NAME_ENTRY_get_data(entry));
    if (kind == NID_pkcs9_emailAddress) add_name(out.emails, text_of(X509_NAME_ENTRY_get_data(entry)));
  }
}

std::string serial_of(const X509* cert) {
  const BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), nullptr));
  char* digits = number ? BN_bn2hex(number.get()) : nullptr;
  std::string serial = to_lower(digits == nullptr ? "" : digits);
  OPENSSL_free(digits);
  return serial;
}

std::string fingerprint_of(const X509* cert, const EVP_MD* sha256) {
  std::array<unsigned char, 32> hash{};
  if (X509_digest(cert, sha256, hash.data(), nullptr) != 1) return {};
  return hex(octets_of(hash));
}

}  // namespace

Result<ClientTrust> load_client_trust(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  ClientTrust trust;
  trust.content = std::move(*text);
  trust.store.reset(X509_STORE_new());
  trust.names.reset(sk_X509_NAME_new(compare_names));
  const X509StackPtr certificates(sk_X509_new_null());
  const BioPtr bio(BIO_new_mem_buf(trust.content.data(), static_cast<int>(trust.content.size())));
  if (!trust.store || !trust.names || !certificates || !bio) return invalid(path + " cannot be loaded");
  if (Result<void> read = read_certificates(bio.get(), path, certificates.get()); !read) return read.error();
  if (sk_X509_num(certificates.get()) == 0)
    return Error{ErrorCode::ConfigInvalid, path + " holds no certificate"};
  for (int i = 0; i < sk_X509_num(certificates.get()); ++i) {
    X509* const cert = sk_X509_value(certificates.get(), i);
    if (X509_STORE_add_cert(trust.store.get(), cert) != 1) return invalid(path + " cannot be used");
    X509_NAME* const subject = X509_get_subject_name(cert);
    if (sk_X509_NAME_find(trust.names.get(), subject) >= 0) continue;
    X509_NAME* const name = X509_NAME_dup(subject);
    if (name == nullptr || sk_X509_NAME_push(trust.names.get(), name) == 0) {
      X509_NAME_free(name);
      return invalid(path + " cannot be loaded");
    }
    trust.name_bytes += static_cast<std::size_t>(i2d_X509_NAME(name, nullptr)) + 2;
  }
  return trust;
}

Result<void> ask_for_certificate(SSL_CTX* context, config::ClientAuth mode, const ClientTrust& trust) {
  const bool required = mode == config::ClientAuth::Require;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_client, nullptr);
  SSL_CTX_set_max_cert_list(context, kChainBytesMax);
  SSL_CTX_set1_cert_store(context, trust.store.get());
  STACK_OF(X509_NAME)* names = SSL_dup_CA_list(trust.names.get());
  if (names == nullptr) return invalid("no names of certificate authorities");
  SSL_CTX_set_client_CA_list(context, names);
  if (SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) != 1 ||
      SSL_CTX_set1_client_sigalgs_list(context, kClientSignatures) != 1)
    return invalid("no signature algorithms for clients");
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

bool may_resume(const SSL_SESSION* session) noexcept {
  // OpenSSL's signature alone is not const.
  const X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
  return peer == nullptr || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

std::shared_ptr<const ClientCertificate> client_certificate(const SSL* ssl, const EVP_MD* sha256) {
  const X509* cert = SSL_get0_peer_certificate(ssl);
  // With SSL_VERIFY_PEER there is no handshake with a bad one; none at all is believed without that.
  if (cert == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return nullptr;
  auto facts = std::make_shared<ClientCertificate>();
  read_alternative_names(cert, *facts);
  read_subject(cert, *facts);
  facts->serial = serial_of(cert);
  facts->sha256 = fingerprint_of(cert, sha256);
  take_error();
  return facts;
}

}  // namespace postern::tls
