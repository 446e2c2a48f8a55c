#include "config/match.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/octets.h"
#include "config/scalars.h"

namespace postern::config {
namespace {

constexpr int kMappedBits = 96;

bool matches_any(const std::vector<std::string>& globs, std::string_view text, Case letters) {
  if (globs.empty()) return true;
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return matches_glob(glob, text, letters); });
}

bool contains_any(const std::vector<Cidr>& networks, const Address16& address) noexcept {
  if (networks.empty()) return true;
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Cidr& network) { return contains(network, address); });
}

bool is_every(const std::vector<std::string>& globs) noexcept {
  if (globs.empty()) return true;
  return std::any_of(globs.begin(), globs.end(), [](const std::string& glob) {
    return !glob.empty() && glob.find_first_not_of('*') == std::string::npos;
  });
}

bool has_host_bits(const Cidr& network) noexcept {
  for (int bit = network.prefix; bit < 128; ++bit) {
    const auto octet = static_cast<std::size_t>(bit / 8);
    if ((network.address[octet] & (0x80U >> (bit % 8))) != 0) return true;
  }
  return false;
}

}  // namespace

std::optional<Address16> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  Address16 address{};
  if (inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  address = {};
  address[10] = address[11] = 0xFF;
  if (inet_pton(AF_INET, terminated.c_str(), address.data() + 12) == 1) return address;
  return std::nullopt;
}

bool is_ipv4(const Address16& address) noexcept {
  static constexpr Address16 kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(kMapped.begin(), kMapped.begin() + kMappedBits / 8, address.begin());
}

std::string address_text(const Address16& address) {
  const bool is_v4 = is_ipv4(address);
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(is_v4 ? AF_INET : AF_INET6, address.data() + (is_v4 ? kMappedBits / 8 : 0), text, sizeof text);
  return text;
}

std::optional<Cidr> parse_cidr(std::string_view text, std::string& why) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const std::optional<Address16> address = parse_address(host);
  if (!address) {
    why = "not a network such as 192.0.2.0/24 or 2001:db8::/32";
    return std::nullopt;
  }
  const bool is_v4 = host.find(':') == std::string_view::npos;
  const int most = is_v4 ? 32 : 128;
  Cidr network{*address, 128};
  if (slash != std::string_view::npos) {
    const std::optional<std::uint64_t> prefix = parse_integer(text.substr(slash + 1));
    if (!prefix || *prefix > static_cast<std::uint64_t>(most)) {
      why = "the prefix must be a number from 0 to " + std::to_string(most);
      return std::nullopt;
    }
    network.prefix = static_cast<int>(*prefix) + (is_v4 ? kMappedBits : 0);
  }
  if (has_host_bits(network)) {
    why = "bits are set behind the prefix: is it one host, or the network around it?";
    return std::nullopt;
  }
  return network;
}

bool contains(const Cidr& network, const Address16& address) noexcept {
  const auto whole = static_cast<std::size_t>(network.prefix / 8);
  if (std::memcmp(network.address.data(), address.data(), whole) != 0) return false;
  const int rest = network.prefix % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFF00U >> rest & 0xFFU;
  return (network.address[whole] & mask) == (address[whole] & mask);
}

std::size_t choose_route(const Settings& settings, const RouteFacts& facts) {
  for (const Route& route : settings.routes) {
    // SNI is a host name, and users are folded to lower case everywhere: both ignore case.
    if (matches_any(route.listeners, facts.listener, Case::Exact) &&
        matches_any(route.sni, facts.sni, Case::Ignored) &&
        matches_any(route.users, facts.user, Case::Ignored) && contains_any(route.clients, facts.client)) {
      return route.upstream;
    }
  }
  return 0;
}

bool matches_all(const Route& route) noexcept {
  const bool any_client = route.clients.empty() || std::any_of(route.clients.begin(), route.clients.end(),
                                                               [](const Cidr& c) { return c.prefix == 0; });
  return is_every(route.listeners) && is_every(route.sni) && is_every(route.users) && any_client;
}

}  // namespace postern::config
