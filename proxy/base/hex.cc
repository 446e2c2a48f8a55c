#include "base/hex.h"

namespace postern {

void append_hex(std::string& out, Octets octets) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const std::size_t at = out.size();
  out.resize(at + 2 * octets.size());  // twice in each record: not digit by digit
  char* to = out.data() + at;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    *to++ = kDigits[octet >> 4];
    *to++ = kDigits[octet & 15];
  }
}

std::string hex(Octets octets) {
  std::string text;
  text.reserve(octets.size() * 2);
  append_hex(text, octets);
  return text;
}

std::optional<std::string> from_hex(Octets text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string octets;
  octets.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    octets += static_cast<char>(high * 16 + low);
  }
  return octets;
}

}  // namespace postern
