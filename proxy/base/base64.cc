#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace postern {
namespace {

constexpr Octets kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_values() noexcept {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}
constexpr auto kValues = make_values();

int value_of(char c) noexcept { return kValues[static_cast<unsigned char>(c)]; }

}  // namespace

bool is_base64(Octets line) noexcept {
  if (line.size() % 4 != 0) return false;
  std::size_t digits = line.size();
  while (digits > 0 && line.size() - digits < 2 && line[digits - 1] == '=') --digits;
  for (std::size_t i = 0; i < digits; ++i)
    if (value_of(line[i]) < 0) return false;
  // RFC 4648 §3.5: the bits that the padding leaves over are zero, so that a text has one encoding.
  const std::size_t padding = line.size() - digits;
  if (padding == 0) return true;
  return (value_of(line[digits - 1]) & (padding == 1 ? 0x3 : 0xf)) == 0;
}

std::optional<Secret> decode_base64(Octets line) {
  if (!is_base64(line)) return std::nullopt;
  Secret out;
  std::array<char, 3 * 256> block{};
  std::size_t filled = 0;
  for (std::size_t at = 0; at < line.size(); at += 4) {
    unsigned bits = 0;
    std::size_t octets = 3;
    for (std::size_t i = 0; i < 4; ++i) {
      const int value = value_of(line[at + i]);
      if (value < 0) --octets;
      bits = bits << 6 | (value < 0 ? 0U : static_cast<unsigned>(value));
    }
    for (std::size_t i = 0; i < octets; ++i) block[filled++] = static_cast<char>(bits >> (16 - 8 * i) & 0xff);
    if (filled + 3 > block.size() || at + 4 == line.size()) {
      out.append({block.data(), filled});
      filled = 0;
    }
  }
  wipe(block.data(), block.size());
  return out;
}

Secret encode_base64(Octets octets) {
  Secret out;
  std::array<char, 4 * 256> block{};
  std::size_t filled = 0;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::size_t taken = std::min<std::size_t>(3, octets.size() - at);
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < taken ? static_cast<unsigned char>(octets[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      block[filled++] = i <= taken ? kAlphabet[bits >> (18 - 6 * i) & 0x3f] : '=';
    if (filled == block.size() || at + 3 >= octets.size()) {
      out.append({block.data(), filled});
      filled = 0;
    }
  }
  wipe(block.data(), block.size());
  return out;
}

}  // namespace postern
