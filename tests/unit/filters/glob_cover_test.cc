#include "filters/review/glob_cover.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::server {
namespace {

using config::Case;
using config::GlobKind;

bool word(std::string_view outer, std::string_view inner) {
  return covers({outer, GlobKind::Word}, {inner, GlobKind::Word});
}
bool mailbox(std::string_view outer, std::string_view inner) {
  return covers({outer, GlobKind::Mailbox}, {inner, GlobKind::Mailbox});
}

TEST(GlobCover, Words) {
  for (const auto& [outer, inner] : {std::pair{"*", ""},
                                     {"*", "*"},
                                     {"*", "a*b?"},
                                     {"a*", "a"},
                                     {"a*", "ab*c"},
                                     {"*@x", "?@x"},
                                     {"*@x", "a*@x"},
                                     {"a?c", "a?c"},
                                     {"*b*", "ab"},
                                     {"*b*", "*b"},
                                     {"**", "a/b"},
                                     {"a*a", "a?*a"}})
    EXPECT_TRUE(word(outer, inner)) << outer << " " << inner;
  for (const auto& [outer, inner] : {std::pair{"", "*"},
                                     {"a*", "*"},
                                     {"a*", "?"},
                                     {"a?c", "abc*"},
                                     {"*@x", "*@x.y"},
                                     {"a", "A"},
                                     {"?", "*"},
                                     {"*b*", "*"},
                                     {"?*", "*"},
                                     {"a*a", "a"}})
    EXPECT_FALSE(word(outer, inner)) << outer << " " << inner;
}

TEST(GlobCover, InMailboxesAStarStopsAtTheSeparator) {
  for (const auto& [outer, inner] : {std::pair{"**", "a/b"},
                                     {"**", "*"},
                                     {"**", "**"},
                                     {"a/**", "a/*/b"},
                                     {"a/**", "a/**/b"},
                                     {"a/*", "a/b"},
                                     {"a/*", "a/*"},
                                     {"*", "ab*"},
                                     {"a/**", "a/"},
                                     {"**/b", "a/c/b"}})
    EXPECT_TRUE(mailbox(outer, inner)) << outer << " " << inner;
  for (const auto& [outer, inner] : {std::pair{"*", "a/b"},
                                     {"*", "**"},
                                     {"a/*", "a/**"},
                                     {"a/*", "a/b/c"},
                                     {"a/**", "a"},
                                     {"a*", "a/b"},
                                     {"a/**", "**"}})
    EXPECT_FALSE(mailbox(outer, inner)) << outer << " " << inner;
}

TEST(GlobCover, LettersAreComparedAsTheGlobsAre) {
  EXPECT_TRUE(covers({"Ab*", GlobKind::Word, Case::Ignored}, {"aBc", GlobKind::Word, Case::Exact}));
  EXPECT_TRUE(covers({"Ab*", GlobKind::Word, Case::Ignored}, {"aBc", GlobKind::Word, Case::Ignored}));
  EXPECT_FALSE(covers({"ab", GlobKind::Word, Case::Exact}, {"ab", GlobKind::Word, Case::Ignored}));
  EXPECT_FALSE(
      covers({"\xc3\xa4", GlobKind::Word, Case::Exact}, {"\xc3\xa4", GlobKind::Word, Case::Ignored}));
  EXPECT_TRUE(covers({"1/*", GlobKind::Word, Case::Exact}, {"1/a", GlobKind::Word, Case::Ignored}));
}

// Against the matcher itself: what the inner one matches of these words the outer one has to match.
void expect_never_wrong(GlobKind kind, const std::string& letters, const std::string& octets, int at_least) {
  std::vector<std::string> globs{""};
  for (std::size_t i = 0; i < globs.size() && globs[i].size() < 3; ++i)
    for (const char c : letters) globs.push_back(globs[i] + c);
  std::vector<std::string> words{""};
  for (std::size_t i = 0; i < words.size() && words[i].size() < 4; ++i)
    for (const char c : octets) words.push_back(words[i] + c);
  int covered = 0;
  for (const std::string& outer : globs) {
    for (const std::string& inner : globs) {
      if (!covers({outer, kind}, {inner, kind})) continue;
      ++covered;
      for (const std::string& text : words)
        ASSERT_TRUE(!config::matches({inner, kind}, text) || config::matches({outer, kind}, text))
            << outer << " " << inner << " " << text;
    }
  }
  EXPECT_GT(covered, at_least);
}

TEST(GlobCover, IsNeverWrongWhenItSaysYes) {
  expect_never_wrong(GlobKind::Word, "ab*?", "ab", 300);
  expect_never_wrong(GlobKind::Mailbox, "a/*", "a/", 200);
}

TEST(GlobCover, Networks) {
  const auto cidr = [](std::string_view text) {
    std::string why;
    return config::parse_cidr(text, why).value();
  };
  EXPECT_TRUE(covers(cidr("10.0.0.0/8"), cidr("10.1.0.0/16")));
  EXPECT_TRUE(covers(cidr("::/0"), cidr("10.1.0.0/16")));
  EXPECT_FALSE(covers(cidr("10.1.0.0/16"), cidr("10.0.0.0/8")));
  EXPECT_FALSE(covers(cidr("10.1.0.0/16"), cidr("10.2.0.0/24")));
}

}  // namespace
}  // namespace postern::server
