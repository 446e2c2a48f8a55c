// A certificate chain and its key, read from PEM files and held against each other. Used at start-up, reload
// and by `postern check`; never in a session. Internal to proxy/tls.
#pragma once

#include <string>

#include "base/result.h"
#include "crypto/key_file.h"
#include "crypto/openssl.h"
#include "tls/context.h"

namespace postern::tls {

// What a server's certificates, and the names of those that it takes clients' certificates from, may take of
// a flight: the whole of it must fit the room that read() asks for.
constexpr std::size_t kFlightBytesMax = 16 * 1024;

struct CertificatePair {
  X509Ptr leaf;
  X509StackPtr chain;     // without the leaf
  std::size_t bytes = 0;  // of leaf and chain, as a handshake carries them
  KeyPtr key;
  CertificateInfo info;
};

// The rest of a PEM file, to its end.
Result<void> read_certificates(BIO* bio, const std::string& path, STACK_OF(X509) * out);
Result<CertificatePair> load_pair(const std::string& cert_path, const std::string& key_path);
Result<void> use_pair(SSL_CTX* context, const CertificatePair& pair);

}  // namespace postern::tls
