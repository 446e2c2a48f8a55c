#include "filters/mailbox_globs.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::filters {
namespace {

using Reach = MailboxGlobs::Reach;

// By the index, and without it: both must say the same.
bool asked(const std::string& glob, const std::string& name, Reach reach) {
  const MailboxGlobs globs({"A", glob, "Archiv", "Archive/2020/x", "**", "Z*"});
  const std::string path = reach == Reach::Name ? name : begin_of_levels_below(name);
  bool found = false;
  globs.candidates(path, reach, [&](std::uint32_t number) {
    found = found || (number == 1 && globs.matches(number, path, reach));
  });
  EXPECT_EQ(globs.matches(1, path, reach), found) << glob << " and " << name;
  return found;
}
bool matches(const std::string& glob, const std::string& name) { return asked(glob, name, Reach::Name); }
bool any_below(const std::string& glob, const std::string& name) {
  return asked(glob, name, Reach::AnyBelow);
}
bool all_below(const std::string& glob, const std::string& name) {
  return asked(glob, name, Reach::AllBelow);
}

TEST(MailboxGlobs, AStarStopsAtALevel) {
  EXPECT_TRUE(matches("*", "INBOX"));
  EXPECT_FALSE(matches("*", "a/b"));
  EXPECT_TRUE(matches("Archive/*", "Archive/2020"));
  EXPECT_FALSE(matches("Archive/*", "Archive"));
  EXPECT_FALSE(matches("Archive/*", "Archive/2020/x"));
  EXPECT_TRUE(matches("*/x", "a/x"));
  EXPECT_FALSE(matches("*/x", "a/b/x"));
  EXPECT_TRUE(matches("A*e", "Archive"));
  EXPECT_TRUE(matches("A*", "A"));
  EXPECT_TRUE(matches("a*b*c", "aXbXbXc"));
  EXPECT_FALSE(matches("a*b*c", "aXbXb/c"));
}

TEST(MailboxGlobs, TwoStarsDoNot) {
  EXPECT_TRUE(matches("**", "a/b/c"));
  EXPECT_TRUE(matches("Archive/**", "Archive/2020/x"));
  EXPECT_FALSE(matches("Archive/**", "Archive")) << "the mailbox itself is named beside it";
  EXPECT_FALSE(matches("Archive/**", "Archives/x"));
  EXPECT_TRUE(matches("**/x", "a/b/x"));
  EXPECT_TRUE(matches("**/x/*", "a/x/x/b"));
  EXPECT_FALSE(matches("**/x/*", "a/x/b/c"));
  EXPECT_TRUE(matches("A***", "A/b")) << "three are two";
}

TEST(MailboxGlobs, AllElseIsItself) {
  EXPECT_TRUE(matches("a?b", "a?b"));
  EXPECT_FALSE(matches("a?b", "axb"));
  EXPECT_TRUE(matches("[a]%", "[a]%"));
  EXPECT_FALSE(matches("abc", "ABC"));
  EXPECT_TRUE(matches("\xC3\xA4*", "\xC3\xA4rger"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("Archive", "Archive/2020"));
  EXPECT_FALSE(matches("Archive/2020", "Archive"));
}

TEST(MailboxGlobs, WhatCouldMatchBelow) {
  EXPECT_TRUE(any_below("Archive/2020", "Archive"));
  EXPECT_TRUE(any_below("Archive/2020/x", "Archive"));
  EXPECT_TRUE(any_below("Archive/*", "Archive"));
  EXPECT_TRUE(any_below("Archive/**", "Archive/2020"));
  EXPECT_TRUE(any_below("*/2020", "Archive"));
  EXPECT_TRUE(any_below("**/x", "Archive"));
  EXPECT_TRUE(any_below("**", "Archive"));
  EXPECT_FALSE(any_below("*", "Archive"));
  EXPECT_FALSE(any_below("Archive", "Archive"));
  EXPECT_FALSE(any_below("Archive/*", "Archive/2020"));
  EXPECT_FALSE(any_below("Archive2/x", "Archive"));
  EXPECT_FALSE(any_below("Work/**", "Archive"));
  EXPECT_TRUE(any_below("INBOX", "")) << "below nothing is everything";
}

TEST(MailboxGlobs, WhatMatchesAllBelow) {
  EXPECT_TRUE(all_below("Archive/**", "Archive"));
  EXPECT_TRUE(all_below("Archive/**", "Archive/2020"));
  EXPECT_TRUE(all_below("A**", "Archive"));
  EXPECT_TRUE(all_below("**", "Archive"));
  EXPECT_TRUE(all_below("**", ""));
  EXPECT_TRUE(all_below("*/**", "Archive"));
  EXPECT_FALSE(all_below("Archive/*", "Archive"));
  EXPECT_FALSE(all_below("Archive/2020/**", "Archive"));
  EXPECT_FALSE(all_below("**/x", "Archive"));
  EXPECT_FALSE(all_below("*", ""));
  EXPECT_FALSE(all_below("Archive/**", ""));
}

TEST(MailboxGlobs, OnlyThoseAreVisitedThatBeginAsTheName) {
  std::vector<std::string> all;
  for (int i = 0; i < 1000; ++i) all.push_back("Team" + std::to_string(i) + "/**");
  const MailboxGlobs globs(all);
  std::vector<std::uint32_t> visited;
  globs.candidates("Team17/x", Reach::Name, [&](std::uint32_t number) { visited.push_back(number); });
  EXPECT_EQ(visited, std::vector<std::uint32_t>{17});
}

// A name is the client's, a glob the operator's: what would make a reader that backtracks slow.
TEST(MailboxGlobs, NothingBacktracks) {
  const MailboxGlobs globs({"**a*a*a*a*a*a*a*a*b"});
  const std::string name(8192, 'a');
  EXPECT_FALSE(globs.matches(0, name, Reach::Name));
  EXPECT_TRUE(globs.matches(0, name + "b", Reach::Name));
}

}  // namespace
}  // namespace postern::filters
