#include "crypto/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::server {
namespace {

// The vectors of the reference implementation: key 00 01 … 0f, texts of 0, 1, 2, … octets 00 01 02 ….
constexpr SipKey kKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string counting(std::size_t octets) {
  std::string text;
  for (std::size_t i = 0; i < octets; ++i) text += static_cast<char>(i);
  return text;
}

TEST(SipHash, GivesTheReferenceVectors) {
  EXPECT_EQ(siphash(kKey, counting(0)), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(siphash(kKey, counting(1)), 0x74f839c593dc67fdU);
  EXPECT_EQ(siphash(kKey, counting(7)), 0xab0200f58b01d137U);
  EXPECT_EQ(siphash(kKey, counting(8)), 0x93f5f5799a932462U);
  EXPECT_EQ(siphash(kKey, counting(15)), 0xa129ca6149be45e5U);
}

TEST(SipHash, DependsOnTheKey) {
  EXPECT_NE(siphash(kKey, "alice"), siphash({kKey.low, kKey.high + 1}, "alice"));
}

}  // namespace
}  // namespace postern::server
