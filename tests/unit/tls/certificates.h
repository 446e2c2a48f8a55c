// Keys and certificates made at test run-time, in a folder that goes away with the test. For tests and the
// fuzz target of the TLS layer only; header-only, so that both can use it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "config/settings.h"

namespace postern::tls::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-tls-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string write(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = path_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<EVP_PKEY> ec_key(const char* curve = "P-256") {
  return {EVP_EC_gen(curve), EVP_PKEY_free};
}
inline std::shared_ptr<EVP_PKEY> rsa_key(unsigned bits = 2048) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }
inline std::shared_ptr<EVP_PKEY> ed25519_key() {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free};
}

// What a certificate is to say. `names` is OpenSSL's notation: "DNS:a.example,IP:127.0.0.1".
struct Wish {
  std::string common_name = "test";
  std::string names = {};
  std::string email = {};    // emailAddress of the subject
  std::string purpose = {};  // extendedKeyUsage, in OpenSSL's notation
  long not_before = -3600;   // seconds from now
  long not_after = 3600;
  bool authority = false;
};

struct Identity {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> cert;

  std::string cert_pem() const {
    return pem([this](BIO* bio) { PEM_write_bio_X509(bio, cert.get()); });
  }
  std::string key_pem() const {
    return pem([this](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  std::string encrypted_key_pem(const char* passphrase) const {
    return pem([this, passphrase](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr,
                               const_cast<char*>(passphrase));
    });
  }
  // SHA-256 of the SubjectPublicKeyInfo.
  std::array<unsigned char, 32> pin() const {
    unsigned char* octets = nullptr;
    const int size = i2d_PUBKEY(key.get(), &octets);
    std::array<unsigned char, 32> hash{};
    EVP_Digest(octets, static_cast<std::size_t>(size), hash.data(), nullptr, EVP_sha256(), nullptr);
    OPENSSL_free(octets);
    return hash;
  }
  // As two files of a folder.
  config::Certificate in(const TempFolder& folder, const std::string& stem) const {
    config::Certificate certificate;
    certificate.cert = folder.write(stem + ".crt", cert_pem());
    certificate.key = folder.write(stem + ".key", key_pem());
    return certificate;
  }

 private:
  template <typename Write>
  static std::string pem(Write write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string result(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    return result;
  }
};

// Signed by `issuer`, or by itself.
inline Identity make_identity(const Wish& wish, std::shared_ptr<EVP_PKEY> key = ec_key(),
                              const Identity* issuer = nullptr) {
  static long serial = 1;
  Identity identity{std::move(key), {X509_new(), X509_free}};
  X509* cert = identity.cert.get();
  X509_set_version(cert, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert), wish.not_before);
  X509_gmtime_adj(X509_getm_notAfter(cert), wish.not_after);
  X509_set_pubkey(cert, identity.key.get());
  X509_NAME* name = X509_get_subject_name(cert);
  if (!wish.common_name.empty())
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.common_name.data()),
                               static_cast<int>(wish.common_name.size()), -1, 0);
  if (!wish.email.empty())
    X509_NAME_add_entry_by_NID(name, NID_pkcs9_emailAddress, V_ASN1_IA5STRING,
                               reinterpret_cast<const unsigned char*>(wish.email.data()),
                               static_cast<int>(wish.email.size()), -1, 0);
  X509_set_issuer_name(cert, issuer == nullptr ? name : X509_get_subject_name(issuer->cert.get()));
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer == nullptr ? cert : issuer->cert.get(), cert, nullptr, nullptr, 0);
  const auto extend = [&](int id, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
  extend(NID_subject_key_identifier, "hash");
  if (!wish.names.empty()) extend(NID_subject_alt_name, wish.names);
  if (!wish.purpose.empty()) extend(NID_ext_key_usage, wish.purpose);
  EVP_PKEY* signer = issuer == nullptr ? identity.key.get() : issuer->key.get();
  const bool digests = EVP_PKEY_get_base_id(signer) != EVP_PKEY_ED25519;
  if (X509_sign(cert, signer, digests ? EVP_sha256() : nullptr) <= 0) std::abort();
  return identity;
}

}  // namespace postern::tls::testing
