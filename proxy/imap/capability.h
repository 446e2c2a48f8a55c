// Which capabilities may be told to a client, and why (protocol.md §3 and §6 R7): an allow-list over the
// whole IANA registry. Pure; the table is constant.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/octets.h"

namespace postern::imap {

enum class CapabilityVerdict : std::uint8_t {
  Pass,  // understood by the scanners: told if the upstream has it
  Hide,  // never told: it would lead around the gateway, or cannot be mediated
  Own,   // the gateway's own business (SASL-IR, ID, LITERAL+, STARTTLS, LOGINDISABLED, AUTH=…): told by the
         // gateway's rules
};

struct CapabilityRow {
  Octets
      name;  // in capitals; one that ends in "=" stands for every capability that begins with it (RIGHTS=),
             // "*" for one or more characters (AUTH=*-PLUS)
  CapabilityVerdict verdict;
  Octets reason;
};
std::span<const CapabilityRow> capability_table() noexcept;
bool stands_for_many(Octets row_name) noexcept;
// The row for a capability as an upstream lists it; nullptr for one that nobody knows (which is hidden).
const CapabilityRow* find_capability(Octets name) noexcept;

using CapabilityList = std::vector<std::string>;  // as listed, in order, without duplicates (case ignored)

// Splits `IMAP4rev1 IDLE …` (what stands behind CAPABILITY in all places).
CapabilityList parse_capabilities(Octets list);
bool has_capability(const CapabilityList& list, Octets name) noexcept;  // ignores case

struct CapabilityEdit {
  std::span<const std::string> hide;  // rewrite.capabilities.hide: names, or AUTH=NAME
  std::span<const std::string> add;   // rewrite.capabilities.add
  std::uint64_t literal_limit = 0;    // APPENDLIMIT= is lowered to it; 0 = left alone
};

// LITERAL- is told, not LITERAL+ (RFC 7888 §5): where the configuration adds it. A non-synchronising literal
// has at most kLiteralMinusOctets then.
inline constexpr std::uint64_t kLiteralMinusOctets = 4096;
bool literals_are_limited(const CapabilityEdit& edit) noexcept;

// What a client is told after login: the upstream's list through the table and the edit, with what the
// gateway adds (LITERAL+ or LITERAL-, and ID, always, once). The result begins with IMAP4rev1 or whatever the
// upstream began with.
std::string capabilities_after_login(const CapabilityList& upstream, const CapabilityEdit& edit);

// What is told before login. `upstreams` are the lists of all candidates, as probed (empty = not probed yet:
// IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN); the offer is what all of them have, through the table.
enum class Channel : std::uint8_t {
  NeedsTls,   // clear text on a STARTTLS listener: STARTTLS LOGINDISABLED, no AUTH=
  Protected,  // inside TLS, or a clear text listener that the operator allowed: AUTH=, no STARTTLS
};
std::string capabilities_before_login(std::span<const CapabilityList> upstreams, Channel channel,
                                      const CapabilityEdit& edit);

}  // namespace postern::imap
