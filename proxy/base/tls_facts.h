// What is known of a TLS connection once its handshake is done. Plain values: made by tls, read by net,
// filters, logs and metrics, none of which see an SSL.
#pragma once

#include <cstdint>
#include <string>

namespace postern {

struct TlsFacts {
  bool secure = false;     // false: clear text; the rest is then empty
  std::uint8_t minor = 0;  // 0 to 3: TLS 1.0 to 1.3
  bool resumed = false;
  std::string cipher;  // OpenSSL's standard name
  std::string group;
  std::string sni;  // as the client sent it; untrusted octets
  std::string alpn;

  const char* version() const noexcept {
    static constexpr const char* kNames[] = {"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    return secure ? kNames[minor & 3] : "";
  }
};

}  // namespace postern
