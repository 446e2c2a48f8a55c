#include "filters/user_rewrite.h"

#include <gtest/gtest.h>

namespace postern::filters {
namespace {

using Names = std::vector<std::pair<std::string, std::string>>;

config::RewriteUser mapped(const std::vector<std::pair<std::string, std::string>>& map) {
  config::RewriteUser settings;
  for (const auto& [from, to] : map) settings.map.push_back({from, to, {}});
  return settings;
}

std::shared_ptr<const UserRewrite> made(const config::RewriteUser& settings) {
  std::vector<UserRewrite::Fault> faults;
  auto rewrite = UserRewrite::make(settings, faults);
  for (const auto& fault : faults) ADD_FAILURE() << fault.message;
  return rewrite;
}

// What a name becomes; "none" where no name can.
std::string become(const config::RewriteUser& settings, const std::string& name) {
  const auto rewrite = made(settings);
  if (!rewrite) return "no rewriting";
  return (*rewrite)(name).value_or("none");
}

std::string fault_of(const std::string& from, const std::string& to) {
  std::vector<UserRewrite::Fault> faults;
  EXPECT_EQ(UserRewrite::make(mapped({{from, to}}), faults), nullptr);
  return faults.size() == 1 ? faults[0].message : std::to_string(faults.size());
}

TEST(UserRewrite, IsNoneWhereNothingIsAskedFor) { EXPECT_EQ(made({}), nullptr); }

TEST(UserRewrite, FoldsAsciiAlone) {
  config::RewriteUser settings;
  settings.lowercase = true;
  EXPECT_EQ(become(settings, "Alice@Example.ORG"), "alice@example.org");
  EXPECT_EQ(become(settings, "MÜLLER"), "mÜller");
  EXPECT_EQ(become(settings,
                   "\xC0\xFF"
                   "A"),
            "\xC0\xFF"
            "a")
      << "what is no UTF-8 is left as it is";
}

TEST(UserRewrite, CutsAndAppendsDomains) {
  config::RewriteUser strip;
  strip.strip_domain = true;
  EXPECT_EQ(become(strip, "alice@a.example"), "alice");
  EXPECT_EQ(become(strip, "alice@home@a.example"), "alice@home") << "the domain is behind the last one";
  EXPECT_EQ(become(strip, "alice"), "alice");
  EXPECT_EQ(become(strip, "alice@"), "alice");
  EXPECT_EQ(become(strip, "@a.example"), "none");
  config::RewriteUser append;
  append.default_domain = "a.example";
  EXPECT_EQ(become(append, "alice"), "alice@a.example");
  EXPECT_EQ(become(append, "alice@b.example"), "alice@b.example");
  EXPECT_EQ(become(append, "alice@"), "alice@");
}

TEST(UserRewrite, MapsByTheFirstThatMatchesTheWholeName) {
  const auto settings = mapped(
      {{"(.*)@old\\.example", "\\1@new.example"}, {"a.*", "first"}, {"ab", "never"}, {"x|xyz", "[\\0]"}});
  EXPECT_EQ(become(settings, "alice@old.example"), "alice@new.example");
  EXPECT_EQ(become(settings, "ab"), "first");
  EXPECT_EQ(become(settings, "cab"), "cab") << "a part is not enough";
  EXPECT_EQ(become(settings, "alice@old.example.com"), "first");
  EXPECT_EQ(become(settings, "xyz"), "[xyz]") << "the alternative that takes the whole";
}

TEST(UserRewrite, HasItsStepsInOrder) {
  config::RewriteUser settings = mapped({{"alice@a\\.example", "Bob@b.example"}});
  settings.lowercase = true;
  EXPECT_EQ(become(settings, "ALICE@A.example"), "Bob@b.example") << "lower case first, then the map";
  settings.strip_domain = true;
  EXPECT_EQ(become(settings, "alice@a.example"), "Bob") << "then the domain is cut off";
  settings.default_domain = "c.example";
  EXPECT_EQ(become(settings, "alice@a.example"), "Bob@c.example") << "and the default one appended";
}

TEST(UserRewrite, RefusesWhatIsNoName) {
  config::RewriteUser settings =
      mapped({{"empty", ""}, {"(.*) line", "\\1\r\nb LOGOUT"}, {"(x+)", "\\1\\1"}});
  EXPECT_EQ(become(settings, "empty"), "none");
  EXPECT_EQ(become(settings, "one line"), "none");
  EXPECT_EQ(become(settings, ""), "none");
  EXPECT_EQ(become(settings, std::string("a\0b", 3)), "none");
  EXPECT_EQ(become(settings, "a\nb"), "none");
  EXPECT_EQ(become(settings, "a\rb"), "none");
  const std::size_t most = UserRewrite::kNameBytes;
  EXPECT_EQ(become(settings, std::string(most, 'y')), std::string(most, 'y'));
  EXPECT_EQ(become(settings, std::string(most + 1, 'y')), "none");
  EXPECT_EQ(become(settings, std::string(most / 2, 'x')), std::string(most, 'x'));
  EXPECT_EQ(become(settings, std::string(most / 2 + 1, 'x')), "none");
}

TEST(UserRewrite, SaysWhereAnExpressionIsWrong) {
  EXPECT_EQ(fault_of("(a", "b"), "'(a' is no regular expression: missing ): (a");
  EXPECT_EQ(fault_of("ä[z-a]", "b"),
            "'ä[z-a]' is no regular expression: invalid character class range: z-a "
            "at character 3");
  EXPECT_EQ(fault_of("a(?=b)", "c"),
            "'a(?=b)' is no regular expression: invalid perl operator: (?= at "
            "character 2");
  EXPECT_EQ(fault_of("(a)\\1", "b"),
            "'(a)\\1' is no regular expression: invalid escape sequence: \\1 at "
            "character 4");
  EXPECT_TRUE(fault_of("(a)", "\\2").starts_with("'\\2' cannot replace '(a)': ")) << fault_of("(a)", "\\2");
  EXPECT_NE(fault_of("((a{100}){100}){100}", "b").find("no regular expression"), std::string::npos);
}

TEST(UserRewrite, NamesEveryFaultByItsPlace) {
  config::RewriteUser settings;
  settings.map = {{"(", "a", {"f", 3, 7}}, {"a", "b", {"f", 4, 7}}, {")", "a", {"f", 5, 7}}};
  std::vector<UserRewrite::Fault> faults;
  EXPECT_EQ(UserRewrite::make(settings, faults), nullptr);
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].mark.line, 3);
  EXPECT_EQ(faults[1].mark.line, 5);
}

}  // namespace
}  // namespace postern::filters
