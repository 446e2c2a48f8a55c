#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace postern::net {
namespace {

constexpr std::array<unsigned char, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Copies instead of casts: sockaddr_storage is only memory of the right size (no aliasing games).
sockaddr_in ipv4_of(const sockaddr_storage& address) noexcept {
  sockaddr_in out{};
  std::memcpy(&out, &address, sizeof out);
  return out;
}

sockaddr_in6 ipv6_of(const sockaddr_storage& address) noexcept {
  sockaddr_in6 out{};
  std::memcpy(&out, &address, sizeof out);
  return out;
}

sockaddr_storage make_ipv4(const unsigned char* octets, std::uint16_t port) noexcept {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  std::memcpy(&in.sin_addr, octets, 4);
  sockaddr_storage out{};
  std::memcpy(&out, &in, sizeof in);
  return out;
}

}  // namespace

AddressOctets octets_of(const sockaddr_storage& address) noexcept {
  AddressOctets out{};
  if (address.ss_family == AF_INET6) {
    const sockaddr_in6 in = ipv6_of(address);
    std::memcpy(out.data(), &in.sin6_addr, out.size());
  } else if (address.ss_family == AF_INET) {
    const sockaddr_in in = ipv4_of(address);
    std::memcpy(out.data(), kMappedPrefix.data(), kMappedPrefix.size());
    std::memcpy(out.data() + kMappedPrefix.size(), &in.sin_addr, 4);
  }
  return out;
}

std::string address_text(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return {};
  return config::address_text(octets_of(address));
}

std::uint16_t port_of(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) return ntohs(ipv4_of(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(ipv6_of(address).sin6_port);
  return 0;
}

std::string host_port_text(const sockaddr_storage& address) {
  const std::string host = address_text(address);
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port_of(address));
}

socklen_t length_of(const sockaddr_storage& address) noexcept {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

Peer peer_of(const sockaddr_storage& address) { return {address_text(address), port_of(address)}; }

Peer local_end_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return peer_of(address);
}

std::optional<sockaddr_storage> parse_address(std::string_view host, std::uint16_t port) {
  const std::optional<AddressOctets> octets = config::parse_address(host);
  if (!octets) return std::nullopt;
  if (config::is_ipv4(*octets)) return make_ipv4(octets->data() + kMappedPrefix.size(), port);
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, octets->data(), octets->size());
  sockaddr_storage out{};
  std::memcpy(&out, &in, sizeof in);
  return out;
}

}  // namespace postern::net
