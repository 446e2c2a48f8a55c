#include "tls/certificate_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <utility>

#include "base/octets.h"

namespace postern::tls {
namespace {

Error invalid(std::string detail) { return {ErrorCode::ConfigInvalid, std::move(detail)}; }

std::string common_name(const X509* cert) {
  const X509_NAME* subject = X509_get_subject_name(cert);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

// Lower case; empty if it is no DNS name (a NUL or a blank inside has fooled others).
std::string dns_name(Octets text) {
  std::string name;
  for (const char c : text) {
    if (c <= ' ' || c == 0x7f) return {};
    name.push_back(ascii_lower(c));
  }
  return name;
}

void add_name(std::vector<std::string>& names, Octets text) {
  std::string name = dns_name(text);
  if (!name.empty()) names.push_back(std::move(name));
}

// RFC 6125 §6.4.4: the common name counts only where there is no subjectAltName.
std::vector<std::string> names_in(const X509* cert) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  if (list == nullptr) {
    add_name(names, common_name(cert));
    return names;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(list, i);
    if (entry->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = entry->d.dNSName;
    add_name(names, {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<std::size_t>(ASN1_STRING_length(text))});
  }
  GENERAL_NAMES_free(list);
  return names;
}

std::int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

CertificateInfo info_of(const X509* cert, const std::string& path) {
  CertificateInfo info;
  info.path = path;
  BioPtr text(BIO_new(BIO_s_mem()));
  if (text && X509_NAME_print_ex(text.get(), X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0) {
    char* memory = nullptr;
    const long size = BIO_get_mem_data(text.get(), &memory);
    if (size > 0) info.subject.assign(memory, static_cast<std::size_t>(size));
  }
  info.names = names_in(cert);
  info.not_before_unix = unix_seconds(X509_get0_notBefore(cert));
  info.not_after_unix = unix_seconds(X509_get0_notAfter(cert));
  return info;
}

Result<void> read_chain(BIO* bio, const std::string& path, CertificatePair& pair) {
  bool asked = false;
  pair.leaf.reset(PEM_read_bio_X509_AUX(bio, nullptr, no_passphrase, &asked));
  if (!pair.leaf) return invalid(path + " holds no certificate" + quoted_reason());
  pair.chain.reset(sk_X509_new_null());
  if (!pair.chain) return invalid(path + " cannot be loaded: no memory");
  if (Result<void> read = read_certificates(bio, path, pair.chain.get()); !read) return read.error();
  pair.bytes = static_cast<std::size_t>(i2d_X509(pair.leaf.get(), nullptr));
  for (int i = 0; i < sk_X509_num(pair.chain.get()); ++i)
    pair.bytes += static_cast<std::size_t>(i2d_X509(sk_X509_value(pair.chain.get(), i), nullptr));
  if (pair.bytes > kFlightBytesMax)
    return invalid(path + " holds a chain of " + std::to_string(pair.bytes) + " octets, more than the " +
                   std::to_string(kFlightBytesMax) + " that are supported");
  return {};
}

}  // namespace

Result<void> read_certificates(BIO* bio, const std::string& path, STACK_OF(X509) * out) {
  bool asked = false;
  while (X509* next = PEM_read_bio_X509(bio, nullptr, no_passphrase, &asked)) {
    if (sk_X509_push(out, next) != 0) continue;
    X509_free(next);
    return invalid(path + " cannot be loaded: no memory");
  }
  const unsigned long end = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(end) == ERR_LIB_PEM && ERR_GET_REASON(end) == PEM_R_NO_START_LINE;
  const std::string reason = quoted_reason();
  if (at_end) return {};
  return invalid(path + " holds a broken certificate behind the first one" + reason);
}

Result<CertificatePair> load_pair(const std::string& cert_path, const std::string& key_path) {
  Result<std::string> text = read_file(cert_path);
  if (!text) return text.error();
  CertificatePair pair;
  BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  if (!bio) return invalid(cert_path + " cannot be loaded" + quoted_reason());
  if (Result<void> read = read_chain(bio.get(), cert_path, pair); !read) return read.error();
  Result<KeyPtr> key = read_key(key_path);
  if (!key) return key.error();
  pair.key = std::move(*key);
  if (X509_check_private_key(pair.leaf.get(), pair.key.get()) != 1)
    return invalid(key_path + " does not belong to " + cert_path + quoted_reason());
  pair.info = info_of(pair.leaf.get(), cert_path);
  take_error();
  return pair;
}

Result<void> use_pair(SSL_CTX* context, const CertificatePair& pair) {
  if (SSL_CTX_use_cert_and_key(context, pair.leaf.get(), pair.key.get(), pair.chain.get(), 1) == 1) return {};
  return invalid(pair.info.path + " cannot be used" + quoted_reason());
}

}  // namespace postern::tls
