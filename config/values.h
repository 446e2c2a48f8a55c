// The small values that settings are made of, and the closed sets of words, in the order in which the field
// table names them. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::config {

// Where a value stands, for errors found after decoding (a certificate that does not load). 1-based.
struct Mark {
  std::string file;
  int line = 0;
  int column = 0;
};
// file:line
inline std::string place_text(const Mark& mark) { return mark.file + ":" + std::to_string(mark.line); }

enum class ListenerTls : std::uint8_t { Implicit, Starttls, Off };
enum class UpstreamTls : std::uint8_t { Off, Starttls, Implicit };
enum class Verify : std::uint8_t { Full, Ca, Pin, None };
enum class Balance : std::uint8_t { UserHash, LeastSessions, RoundRobin };
enum class ProxyProtocol : std::uint8_t { Off, V1, V2 };
enum class IdPolicy : std::uint8_t { Pass, Hide, Own };
enum class LogFormat : std::uint8_t { Text, Json };
enum class TlsVersion : std::uint8_t { Tls10, Tls11, Tls12, Tls13 };
inline constexpr std::array<std::string_view, 4> kTlsVersions{"1.0", "1.1", "1.2", "1.3"};
inline std::string_view name_of(TlsVersion version) noexcept {
  return kTlsVersions[static_cast<std::size_t>(version)];
}
enum class ClientAuth : std::uint8_t { Off, Request, Require };
enum class UserFrom : std::uint8_t { Nothing, Email, CommonName, Upn };

struct HostPort {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  std::string text() const;  // host:port or [v6]:port
};

// A network as written in the file, decoded: 16 octets, IPv4 as v4-mapped.
struct Cidr {
  std::array<unsigned char, 16> address{};
  int prefix = 0;  // of the 128 bits
};

}  // namespace postern::config
