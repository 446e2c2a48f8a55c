// Socket addresses as text and as octets. An IPv4 address that came in on a dual-stack socket (v4-mapped,
// RFC 4291 §2.5.5.2) is normalised here, once: limits, routes, logs and the audit trail see 192.0.2.7, never
// ::ffff:192.0.2.7. No name is resolved.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/match.h"

namespace postern::net {

// IPv4 as v4-mapped, so that one comparison serves both families; config::parse_address() reads it and
// config::address_text() writes it.
using AddressOctets = config::Address16;

// One end of a connection, as limits, routes and logs see it.
struct Peer {
  std::string address;  // without port; IPv4 where it is v4-mapped
  std::uint16_t port = 0;
};

std::string address_text(const sockaddr_storage& address);  // without the port
std::uint16_t port_of(const sockaddr_storage& address) noexcept;
std::string host_port_text(const sockaddr_storage& address);  // 192.0.2.7:993 or [2001:db8::7]:993
AddressOctets octets_of(const sockaddr_storage& address) noexcept;
socklen_t length_of(const sockaddr_storage& address) noexcept;

Peer peer_of(const sockaddr_storage& address);
// The local end of a connected socket; empty if the kernel does not tell.
Peer local_end_of(int fd);

// Numeric addresses alone; v4-mapped text gives IPv4.
std::optional<sockaddr_storage> parse_address(std::string_view host, std::uint16_t port);

}  // namespace postern::net
