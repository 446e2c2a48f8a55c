#include "crypto/random.h"

#include <gtest/gtest.h>

#include <set>

namespace postern::server {
namespace {

TEST(Random, WritesBase32LikeRfc4648) {
  EXPECT_EQ(base32_of_80_bits({}), "AAAAAAAAAAAAAAAA");
  EXPECT_EQ(base32_of_80_bits({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
            "7777777777777777");
  // RFC 4648 §10: "foobar" and, after it, "foob" without padding.
  EXPECT_EQ(base32_of_80_bits({'f', 'o', 'o', 'b', 'a', 'r', 'f', 'o', 'o', 'b'}), "MZXW6YTBOJTG633C");
}

TEST(Random, GivesEachSessionAnotherName) {
  RandomSource random;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(random.session_id());
  EXPECT_EQ(ids.size(), 1000U);
  for (const std::string& id : ids) EXPECT_EQ(id.size(), 16U);
}

TEST(Random, DoesNotRepeatNumbers) {
  RandomSource random;
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 1000; ++i) numbers.insert(random.number());
  EXPECT_EQ(numbers.size(), 1000U);
}

}  // namespace
}  // namespace postern::server
