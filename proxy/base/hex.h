// Octets as hexadecimal digits, and back. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/octets.h"

namespace postern {

enum class HexCase : std::uint8_t { Lower, Upper };

// Two digits.
inline void append_hex(std::string& out, char octet, HexCase letters = HexCase::Lower) {
  const char* const digits = letters == HexCase::Lower ? "0123456789abcdef" : "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(octet);
  out += digits[value >> 4];
  out += digits[value & 15];
}
void append_hex(std::string& out, Octets octets);  // lower case
std::string hex(Octets octets);
std::optional<std::string> from_hex(Octets text);  // either case; nothing if it is none

}  // namespace postern
