// What the routes hold a session against: globs (glob.h), networks, and the choice of an upstream. Pure
// functions over immutable Settings; asked at accept and at login, from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/glob.h"
#include "config/settings.h"

namespace postern::config {

using Address16 = std::array<unsigned char, 16>;  // IPv4 as v4-mapped (RFC 4291 §2.5.5.2)

std::optional<Address16> parse_address(std::string_view text);  // no port, no brackets, no zone
bool is_ipv4(const Address16& address) noexcept;                // v4-mapped
std::string address_text(const Address16& address);             // IPv4 where it is v4-mapped
// On failure `why` says what is wrong; host bits that are set are an error.
std::optional<Cidr> parse_cidr(std::string_view text, std::string& why);
bool contains(const Cidr& network, const Address16& address) noexcept;

// A key of a rule's `when`: one of its plain entries matches, or it has none, and none of its negated ones
// does. An entry has `negated`.
template <typename Entries, typename Matches>
bool key_matches(const Entries& entries, Matches matches) {
  bool any_plain = false;
  bool hit = false;
  for (const auto& one : entries) {
    if (one.negated) {
      if (matches(one)) return false;
    } else {
      any_plain = true;
      hit = hit || matches(one);
    }
  }
  return hit || !any_plain;
}

// What is known of a session when its upstream is chosen. Empty where it is not known.
struct RouteFacts {
  std::string_view listener;
  std::string_view sni;
  std::string_view user;
  Address16 client{};
};

// The first route that matches decides; none = the first upstream. An index into settings.upstreams.
std::size_t choose_route(const Settings& settings, const RouteFacts& facts);

// Does this route match every session?
bool matches_all(const Route& route) noexcept;

}  // namespace postern::config
