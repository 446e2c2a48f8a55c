// Which octets IMAP allows where (RFC 9051 §9), as one constant table. Private to this layer. CHAR is 7 bits:
// octets above 127 are in no class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/octets.h"

namespace postern::imap {

inline constexpr std::size_t kTagOctets = 128;
inline constexpr std::uint64_t kNumber64Max = 0x7fffffffffffffffULL;  // RFC 9051 §9: number64 has 63 bits

namespace grammar {

enum : std::uint8_t { kAtom = 1, kAstring = 2, kTag = 4, kDigit = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() noexcept {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    const char o = static_cast<char>(c);
    if (o == '(' || o == ')' || o == '{' || o == '%' || o == '*' || o == '"' || o == '\\') continue;
    std::uint8_t bits = kAstring;  // ASTRING-CHAR = ATOM-CHAR / resp-specials
    if (o != ']') bits |= kAtom;
    if (o != '+') bits |= kTag;  // tag = 1*<any ASTRING-CHAR except "+">
    if (o >= '0' && o <= '9') bits |= kDigit;
    classes[c] = bits;
  }
  return classes;
}
inline constexpr auto kClasses = make_classes();

constexpr bool is(char c, std::uint8_t bits) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & bits) != 0;
}

// How many octets at the front of `text` are of that class.
constexpr std::size_t run(Octets text, std::uint8_t bits) noexcept {
  const char* octet = text.data();
  const char* const end = octet + text.size();
  while (octet != end && is(*octet, bits)) ++octet;
  return static_cast<std::size_t>(octet - text.data());
}

}  // namespace grammar
}  // namespace postern::imap
