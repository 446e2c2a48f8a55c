// What is known of a TLS connection once its handshake is done. Plain values: made by tls, read by net,
// filters, logs and metrics, none of which see an SSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace postern {

// What a client's certificate says, once its chain has been verified. The names are UTF-8 without control
// characters, each at most kNameBytes long; those that are not are left out. The issuer vouches for them, and
// their holder may have chosen them.
struct ClientCertificate {
  static constexpr std::size_t kNameBytes = 8 * 1024;
  static constexpr std::size_t kNamesMax = 64;  // of each kind

  std::string subject;              // RFC 2253
  std::string common_name;          // the most specific one; empty without one
  std::vector<std::string> emails;  // rfc822Name of subjectAltName, then emailAddress of the subject
  std::vector<std::string> upns;    // otherName 1.3.6.1.4.1.311.20.2.3 of subjectAltName
  std::string sha256;               // of the whole certificate, 64 hexadecimal digits in lower case
  std::string serial;               // hexadecimal digits in lower case, "-" ahead of a negative one
};

struct TlsFacts {
  bool secure = false;     // false: clear text; the rest is then empty
  std::uint8_t minor = 0;  // 0 to 3: TLS 1.0 to 1.3
  bool resumed = false;
  std::string cipher;  // OpenSSL's standard name
  std::string group;
  std::string sni;  // as the client sent it; untrusted octets
  std::string alpn;
  // Of a client that has shown one and was verified, also in a session that is resumed; null without.
  std::shared_ptr<const ClientCertificate> client_cert = nullptr;

  const char* version() const noexcept {
    static constexpr const char* kNames[] = {"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    return secure ? kNames[minor & 3] : "";
  }
};

}  // namespace postern
