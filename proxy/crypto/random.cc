#include "crypto/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace postern::server {

std::string base32_of_80_bits(const std::array<unsigned char, 10>& octets) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  text.reserve(16);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char octet : octets) {
    bits = (bits << 8 | octet) & 0xFFFU;  // at most 4 left over and 8 new ones
    for (count += 8; count >= 5; count -= 5) text += kAlphabet[bits >> (count - 5) & 31U];
  }
  return text;
}

// Without randomness there are no unguessable tags and no keys: there is nothing sensible to go on with.
void RandomSource::take(unsigned char* out, std::size_t octets) {
  if (block_.size() - used_ < octets) {
    ssize_t taken = 0;
    do taken = getrandom(block_.data(), block_.size(), 0);
    while (taken < 0 && errno == EINTR);
    if (taken != static_cast<ssize_t>(block_.size())) std::abort();
    used_ = 0;
  }
  std::memcpy(out, block_.data() + used_, octets);
  explicit_bzero(block_.data() + used_, octets);
  used_ += octets;
}

std::uint64_t RandomSource::number() {
  std::uint64_t value = 0;
  take(reinterpret_cast<unsigned char*>(&value), sizeof value);
  return value;
}

std::string RandomSource::session_id() {
  std::array<unsigned char, 10> octets{};
  take(octets.data(), octets.size());
  return base32_of_80_bits(octets);
}

}  // namespace postern::server
