#include "config/glob.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace postern::config {
namespace {

TEST(Glob, StarAndQuestionMark) {
  EXPECT_TRUE(matches_glob("", "", Case::Exact));
  EXPECT_FALSE(matches_glob("", "a", Case::Exact));
  EXPECT_TRUE(matches_glob("*", "", Case::Exact));
  EXPECT_TRUE(matches_glob("*@old.example", "ann@old.example", Case::Exact));
  EXPECT_FALSE(matches_glob("*@old.example", "ann@old.example.org", Case::Exact));
  EXPECT_TRUE(matches_glob("a?c", "abc", Case::Exact));
  EXPECT_FALSE(matches_glob("a?c", "ac", Case::Exact));
  EXPECT_TRUE(matches_glob("*ab*ab", "xabyabzab", Case::Exact));
  EXPECT_TRUE(matches_glob("**", "anything", Case::Exact));
  EXPECT_FALSE(matches_glob("*a", "ab", Case::Exact));
}

TEST(Glob, CaseIsAChoice) {
  EXPECT_FALSE(matches_glob("Ann", "ann", Case::Exact));
  EXPECT_TRUE(matches_glob("Ann*", "aNNe", Case::Ignored));
}

// With naive backtracking this takes longer than the age of the universe.
TEST(Glob, AHostileTextCostsLittle) {
  const std::string text(5000, 'a');
  EXPECT_FALSE(matches_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text, Case::Ignored));
}

// All words of up to `longest` of these octets, "" first.
std::vector<std::string> words_of(std::string_view octets, std::size_t longest) {
  std::vector<std::string> out{""};
  for (std::size_t i = 0; i < out.size() && out[i].size() < longest; ++i)
    for (const char c : octets) out.push_back(out[i] + c);
  return out;
}

// As the definition says it, with all the time in the world.
bool naive(std::string_view glob, std::string_view text, GlobKind kind) {
  if (glob.empty()) return text.empty();
  if (glob[0] != '*') {
    const bool any = glob[0] == '?' && kind == GlobKind::Word;
    return !text.empty() && (any || glob[0] == text[0]) && naive(glob.substr(1), text.substr(1), kind);
  }
  const std::size_t stars = std::min(glob.find_first_not_of('*'), glob.size());
  for (std::size_t taken = 0; taken <= text.size(); ++taken) {
    if (kind == GlobKind::Mailbox && stars == 1 && text.substr(0, taken).find('/') != std::string_view::npos)
      return false;
    if (naive(glob.substr(stars), text.substr(taken), kind)) return true;
  }
  return false;
}

TEST(Glob, MatchesWhatTheDefinitionMatches) {
  for (const auto& [kind, elements, octets] :
       {std::tuple{GlobKind::Word, "ab*?", "ab/"}, std::tuple{GlobKind::Mailbox, "a/*?", "a/?"}}) {
    const std::vector<std::string> texts = words_of(octets, 4);
    for (const std::string& glob : words_of(elements, 4))
      for (const std::string& text : texts)
        ASSERT_EQ(matches({glob, kind}, text), naive(glob, text, kind)) << glob << " and " << text;
  }
}

// A long glob keeps its places elsewhere than a short one.
TEST(Glob, LongOnesMatchLikeShortOnes) {
  const std::string stem(100, 'x');
  for (const std::string& glob : words_of("a/*", 4))
    for (const std::string& text : words_of("a/", 4))
      ASSERT_EQ(matches({"*" + stem + glob, GlobKind::Mailbox}, "y" + stem + text),
                matches({"*x" + glob, GlobKind::Mailbox}, "yx" + text))
          << glob << " and " << text;
}

// "Every text below" may be denied where it is true, and is never claimed where it is not.
TEST(Glob, WhatIsBelowAgreesWithTheNamesThemselves) {
  const std::vector<std::string> names = words_of("a/", 4);
  for (const std::string& glob : words_of("a/*", 4)) {
    for (const std::string& begin : words_of("a/", 2)) {
      bool any = false;
      bool all = true;
      for (const std::string& more : names) {
        if (more.empty()) continue;
        const bool matched = naive(glob, begin + more, GlobKind::Mailbox);
        any = any || matched;
        all = all && matched;
      }
      const Glob asked{glob, GlobKind::Mailbox};
      ASSERT_TRUE(!any || matches(asked, begin, Reach::AnyBelow)) << glob << " below " << begin;
      ASSERT_TRUE(all || !matches(asked, begin, Reach::AllBelow)) << glob << " below " << begin;
    }
  }
}

}  // namespace
}  // namespace postern::config
