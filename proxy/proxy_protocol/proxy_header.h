// The PROXY protocol (HAProxy's proxy-protocol.txt §2): the header by which a balancer says, ahead of
// everything else on a connection, whom it speaks for. A parser for versions 1 (a line) and 2 (binary), and
// the writer for both. Pure: octets in, values out. Whether the sender may be believed at all is decided
// before a single octet is read (process/worker.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/session_facts.h"
#include "net/address.h"
#include "telemetry/cells.h"

namespace postern::net {

struct ProxyHeader {
  // False: LOCAL, UNKNOWN, or a family that is not TCP over IP (also one that nobody knows yet): the
  // connection's own ends are the true ones, and the two below are empty.
  bool has_addresses = false;
  Peer source;       // the client
  Peer destination;  // what the client connected to
};

// Takes the header in pieces of any size, and never an octet behind its end. What cannot be a header fails at
// the first octet that shows it. Holds a copy of the header (kMaximum octets at the most): it is meant to
// live until the header is over.
class ProxyHeaderParser {
 public:
  static constexpr std::size_t kLineBytes = 107;   // version 1 with its CRLF (§2.1)
  static constexpr std::size_t kFixedBytes = 16;   // version 2: signature, command, family, length
  static constexpr std::size_t kBodyBytes = 4096;  // what may follow them: the protocol would allow 64 KiB
  static constexpr std::size_t kMaximum = kFixedBytes + kBodyBytes;

  enum class Status : std::uint8_t { NeedMore, Done, Failed };

  // Consumes from the front of `in`. Not to be called again once the status is Done or Failed.
  Status feed(Octets& in);
  const ProxyHeader& header() const noexcept { return header_; }  // when Done
  bool has_begun() const noexcept { return !octets_.empty(); }
  // When Failed: Malformed or Checksum, and what was wrong, in constant words that quote no octet (where a
  // client speaks in place of a balancer they may be a password).
  telemetry::ProxyError error() const noexcept { return error_; }
  std::string_view why() const noexcept { return why_; }

 private:
  enum class Part : std::uint8_t { Signature, Line, Fixed, Body };

  std::size_t wanted() const noexcept;
  Status advance();
  Status on_signature();
  Status on_line();
  Status on_fixed();
  Status on_body();
  Status take_line(std::string_view fields);
  void take_addresses();
  Status walk_tlvs(std::size_t at);
  Status fail(std::string_view why, telemetry::ProxyError error = telemetry::ProxyError::Malformed) noexcept;
  std::uint8_t octet(std::size_t at) const noexcept { return static_cast<std::uint8_t>(octets_[at]); }
  std::size_t number(std::size_t at) const noexcept { return octet(at) * std::size_t{256} + octet(at + 1); }

  std::string octets_;  // of the header, as far as they have come
  std::size_t body_bytes_ = 0;
  Part part_ = Part::Signature;
  ProxyHeader header_;
  telemetry::ProxyError error_ = telemetry::ProxyError::Malformed;
  std::string_view why_;
};

// What stands ahead of a session's upstream connection: the client's address and the one that it connected
// to, and in version 2 a checksum, the session's ID, and of its TLS the name that it asked for, ALPN, version
// and cipher; the last two not where STARTTLS follows on this connection (`leg`). Addresses of two families
// are told as TCP6, with the IPv4 one mapped. Empty where `version` is Off. Nothing if one of the addresses
// is not known: better no session than one that passes for somebody else's.
std::optional<std::string> write_proxy_header(config::ProxyProtocol version, config::UpstreamTls leg,
                                              const filters::SessionFacts& facts, const TlsFacts& tls);

// The same for a connection of the gateway's own, a health check: LOCAL, in version 1 UNKNOWN.
std::string write_local_proxy_header(config::ProxyProtocol version);

}  // namespace postern::net
