#include "base/cipher_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

TEST(CipherBuffer, takes_what_fits_and_nothing_of_what_does_not) {
  CipherBuffer buffer;
  const std::string almost(CipherBuffer::kBytes - 1, 'a');
  EXPECT_TRUE(buffer.append(almost));
  EXPECT_EQ(buffer.room(), 1U);
  EXPECT_FALSE(buffer.append("xy"));
  EXPECT_EQ(buffer.size(), almost.size());
  EXPECT_TRUE(buffer.append("x"));
  EXPECT_EQ(buffer.room(), 0U);
  EXPECT_TRUE(buffer.append(""));
  EXPECT_EQ(buffer.octets(), almost + "x");
}

TEST(CipherBuffer, donates_its_memory_and_goes_on_with_another) {
  CipherBuffer buffer;
  EXPECT_TRUE(buffer.append("one"));
  const char* before = buffer.octets().data();
  const std::unique_ptr<char[]> donated = buffer.donate();
  EXPECT_EQ(donated.get(), before);
  EXPECT_EQ(Octets(donated.get(), 3), "one");
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(buffer.append("two"));
  EXPECT_EQ(buffer.octets(), "two");
  EXPECT_EQ(Octets(donated.get(), 3), "one");
}

}  // namespace
}  // namespace postern
