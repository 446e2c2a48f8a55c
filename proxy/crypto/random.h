// Random octets from the kernel (getrandom), taken in blocks so that a session costs no system call. One
// source for each thread that needs one; never shared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/siphash.h"

namespace postern::server {

class RandomSource {
 public:
  std::uint64_t number();
  SipKey key() { return {number(), number()}; }
  // 80 random bits as 16 letters and digits of base32 (RFC 4648): names a session in logs and records.
  std::string session_id();

 private:
  void take(unsigned char* out, std::size_t octets);

  std::array<unsigned char, 512> block_{};
  std::size_t used_ = 512;
};

// The text of 10 octets; apart from RandomSource so that a test can give known ones.
std::string base32_of_80_bits(const std::array<unsigned char, 10>& octets);

}  // namespace postern::server
