#include "tls/failure.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

namespace postern::tls {
namespace {

constexpr const char* kOverrun = "the peer asks for too many answers";

int ssl_reason(unsigned long error) noexcept {
  return ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
}

// The labels of postern_tls_handshake_failures_total. An alert of the peer's counts like our own finding.
ErrorCode client_code(unsigned long error) noexcept {
  switch (ssl_reason(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_TLSV1_ALERT_INAPPROPRIATE_FALLBACK:
      return ErrorCode::TlsVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
      return ErrorCode::TlsCipher;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return ErrorCode::TlsClientCertificate;
    default:
      return ErrorCode::TlsOther;
  }
}

}  // namespace

bool is_truncation(unsigned long error) noexcept {
  return ssl_reason(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

Failure client_failure(const SSL* ssl, const Transform& transform, unsigned long error) {
  if (transform.refused == ErrorCode::TlsSni) return {transform.refused, "no certificate has the name"};
  if (transform.refused == ErrorCode::TlsAlpn) return {transform.refused, "no application protocol"};
  if (transform.overrun) return {ErrorCode::TlsOther, kOverrun};
  if (ssl_reason(error) != SSL_R_CERTIFICATE_VERIFY_FAILED) return {client_code(error), words_of(error)};
  const long why = SSL_get_verify_result(ssl);
  if (why == X509_V_ERR_APPLICATION_VERIFICATION)
    return {ErrorCode::TlsClientVerify, "the client's certificate is larger than 8 KiB"};
  return {ErrorCode::TlsClientVerify, X509_verify_cert_error_string(why)};
}

Failure upstream_failure(const SSL* ssl, const Transform& transform, unsigned long error) {
  if (transform.overrun) return {ErrorCode::UpstreamTls, kOverrun};
  if (ssl_reason(error) != SSL_R_CERTIFICATE_VERIFY_FAILED) return {ErrorCode::UpstreamTls, words_of(error)};
  const long why = SSL_get_verify_result(ssl);
  if (why == X509_V_ERR_APPLICATION_VERIFICATION)
    return {ErrorCode::UpstreamCertificate, "the server's key matches no pin"};
  return {ErrorCode::UpstreamCertificate, X509_verify_cert_error_string(why)};
}

}  // namespace postern::tls
