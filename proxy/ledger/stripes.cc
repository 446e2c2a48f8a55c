#include "ledger/stripes.h"

#include <string>

#include "base/octets.h"
#include "config/match.h"

namespace postern::server {
namespace {

constexpr std::size_t kV4Octets = 4;         // /32, behind the prefix of a v4-mapped address
constexpr std::size_t kV6NetworkOctets = 8;  // /64: what one household or one host gets

// The octets that stand for a client's network, or nothing for what is no address (a unix peer).
std::string network_of(std::string_view address) {
  const auto octets = config::parse_address(address.substr(0, address.find('%')));  // without an IPv6 zone
  if (!octets) return {};
  const char* const begin = reinterpret_cast<const char*>(octets->data());
  if (config::is_ipv4(*octets)) return {begin + octets->size() - kV4Octets, kV4Octets};
  return {begin, kV6NetworkOctets};
}

}  // namespace

LedgerKey LedgerKeys::key_of(char kind, std::string_view name) const {
  std::string text(1, kind);
  text += name;
  return {siphash(keys_[0], text), siphash(keys_[1], text)};
}

std::optional<LedgerKey> LedgerKeys::of_network(std::string_view client_address) const {
  const std::string network = network_of(client_address);
  if (network.empty()) return std::nullopt;
  return key_of('n', network);
}

std::optional<LedgerKey> LedgerKeys::of_user(std::string_view user) const {
  if (user.empty()) return std::nullopt;
  return key_of('u', to_lower(user));
}

}  // namespace postern::server
