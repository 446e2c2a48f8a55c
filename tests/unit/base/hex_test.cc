#include "base/hex.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

TEST(Hex, HexGoesBothWays) {
  const std::string all("\x00\x01\x7f\x80\xff", 5);
  EXPECT_EQ(hex(all), "00017f80ff");
  EXPECT_EQ(from_hex("00017F80fF"), all);
  EXPECT_EQ(from_hex(""), "");
  for (const Octets wrong : {"0", "0g", "g0", " 0", "0x", "00 "}) EXPECT_FALSE(from_hex(wrong)) << wrong;
}

TEST(Hex, WritesOneOctetInEitherCase) {
  std::string text;
  append_hex(text, '\xaf');
  append_hex(text, '\x0b', HexCase::Upper);
  EXPECT_EQ(text, "af0B");
}

}  // namespace
}  // namespace postern
