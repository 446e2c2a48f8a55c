// OpenSSL's objects as owners, and its error queue as words. Internal to proxy/tls: only its .cc files and
// internal headers include this, no other layer may.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace postern::tls {

template <auto kFree>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};

inline void free_certificates(STACK_OF(X509) * stack) noexcept { sk_X509_pop_free(stack, X509_free); }

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, OpensslDeleter<EVP_CIPHER_free>>;
using DigestPtr = std::unique_ptr<EVP_MD, OpensslDeleter<EVP_MD_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using X509StackPtr = std::unique_ptr<STACK_OF(X509), OpensslDeleter<free_certificates>>;

// The error that tells most: the first of libssl's, or else the first of all. 0 if the queue is empty.
// Empties the queue: what one session left behind must not be taken for another session's failure.
unsigned long take_error() noexcept;
// OpenSSL's words for it: constant text, never an octet of a peer's or of a file's.
std::string words_of(unsigned long error);
inline std::string take_reason() { return words_of(take_error()); }

// An SSL_CTX with what both sides share: the distribution's policy is loaded and then tightened (memory given
// back when idle, no compression, no renegotiation, no session cache). Null if OpenSSL has none to give.
SslContextPtr make_ssl_context(const SSL_METHOD* method);

}  // namespace postern::tls
