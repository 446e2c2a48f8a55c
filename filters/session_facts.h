// Who is at the other end, as far as it is known before the first octet: what the door gives a session, and
// what routes and rules are chosen by. A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/tls_facts.h"
#include "config/settings.h"

namespace postern::filters {

// What is fixed for a session from its first moment; with a PROXY header, from the end of the header.
struct SessionFacts {
  std::string session_id;          // on every log line of the session
  std::string listener;            // its configured name
  std::size_t listener_index = 0;  // into Settings::listeners and WorkerCells::listeners
  config::ListenerTls tls = config::ListenerTls::Implicit;
  std::string client_address;  // without port; IPv4 where it is v4-mapped
  std::uint16_t client_port = 0;
  std::string connected_address;  // the one that the client connected to; empty where no upstream is told
  std::uint16_t connected_port = 0;
  bool trusted = false;  // client_address lies in the listener's trusted_proxies: its ID is believed
  // What a trusted proxy's ID told besides the addresses, which it has replaced; empty without one.
  std::string external_id;     // the session's name at that proxy
  std::string connected_name;  // what the client asked that proxy for (SNI)
};

// The server's name that the client asked for: by SNI, or by a trusted proxy's word. Untrusted octets.
inline const std::string& asked_name(const SessionFacts& facts, const TlsFacts& tls) noexcept {
  return facts.connected_name.empty() ? tls.sni : facts.connected_name;
}

}  // namespace postern::filters
