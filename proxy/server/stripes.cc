#include "server/stripes.h"

#include <arpa/inet.h>

#include <string>

#include "base/octets.h"

namespace postern::server {
namespace {

constexpr std::size_t kV6NetworkOctets = 8;  // /64: what one household or one host gets

// The octets that stand for a client's network, or nothing for what is no address (a unix peer).
std::string network_of(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));  // without an IPv6 zone
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return {reinterpret_cast<const char*>(&v4), sizeof v4};
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return {};
  const char* octets = reinterpret_cast<const char*>(&v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return {octets + 12, 4};
  return {octets, kV6NetworkOctets};
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
  std::string folded(user);
  for (char& c : folded) c = ascii_lower(c);
  return key_of('u', folded);
}

}  // namespace postern::server
