#include "base/octets.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Octets, IgnoresCaseOfAsciiLettersAlone) {
  EXPECT_TRUE(equals_ignoring_case("InBoX", "INBOX"));
  EXPECT_FALSE(equals_ignoring_case("INBOX", "INBOX "));
  EXPECT_FALSE(equals_ignoring_case("\xe4", "\xc4"));  // the umlaut in Latin-1: no ASCII, no case
  EXPECT_FALSE(equals_ignoring_case("{", "["));        // 32 apart, as letters of two cases are
  EXPECT_TRUE(equals_ignoring_case("", ""));
}

TEST(Octets, FindsAPrefixWithoutReadingBehindTheText) {
  EXPECT_TRUE(starts_ignoring_case("auth=plain", "AUTH="));
  EXPECT_FALSE(starts_ignoring_case("AUT", "AUTH="));
  EXPECT_TRUE(starts_ignoring_case("anything", ""));
}

TEST(Octets, KeepsOctetsThatAreNoLetters) {
  EXPECT_EQ(to_upper(Octets("a\0z{~\xff", 6)), std::string("A\0Z{~\xff", 6));
}

TEST(Octets, WordsAreTakenFromTheFront) {
  Octets rest = "one  two";
  EXPECT_EQ(take_word(rest), "one");
  EXPECT_EQ(take_word(rest), "") << "between two blanks there is an empty one";
  EXPECT_EQ(take_word(rest), "two");
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(take_word(rest), "");
}

TEST(Octets, LineEndsAreTakenOff) {
  EXPECT_EQ(without_line_end("a\r\n"), "a");
  EXPECT_EQ(without_line_end("a\n"), "a");
  EXPECT_EQ(without_line_end("a"), "a");
  EXPECT_EQ(without_line_end("\r\n"), "");
}

}  // namespace
}  // namespace postern
