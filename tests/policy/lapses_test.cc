// Upstreams that lose count, each in its way: whatever a client writes ahead of a literal, inside of it and
// behind it, such a parser sees no command that the gateway has not judged. The command that hides is a
// harmless one. Under a rule that denies it, it must have got past to be seen at all; under others, and under
// none, the gateway must have counted as many as the upstream executed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "config/rule.h"
#include "policy/client.h"
#include "policy/forms.h"
#include "sim/random.h"

namespace postern::policy {
namespace {

using sim::Random;
using telemetry::CommandResult;

constexpr const char* kHidden = "h1 CHECK\r\n";

// Which rules are in force; with each of them audit may be on.
enum class Rules { DenyHidden, None, Destructive, ReadOnly, Organise };
constexpr Rules kRules[] = {Rules::DenyHidden, Rules::None, Rules::Destructive, Rules::ReadOnly,
                            Rules::Organise};

spec::Setting setting(Rules rules, bool audit) {
  spec::Setting out;
  out.settings.limits.commands_per_session = 0;
  if (audit) {
    out.settings.audit.file = "audit.log";
    out.settings.audit.events = config::audited::kAll;
  }
  if (rules == Rules::None) return out;
  config::Rule rule;
  rule.name = "rule";
  rule.mark = {"p.yaml", 1, 1};
  rule.action = rules == Rules::ReadOnly   ? config::RuleAction::ReadOnly
                : rules == Rules::Organise ? config::RuleAction::Organise
                                           : config::RuleAction::Deny;
  if (rules == Rules::DenyHidden) rule.when.commands.push_back({"CHECK", false, {}});
  if (rules == Rules::Destructive) rule.when.classes.push_back({"destructive", false, {}});
  out.settings.rules.push_back(rule);
  return out;
}

template <typename List>
auto one_of(Random& random, const List& list) {
  return list[random.below(std::size(list))];
}

// --- what a client may try
struct Try {
  Lapse lapse;
  const char* before;  // the literal; behind the tag
  const char* behind = "";
  const char* hidden = "\r\nh1 CHECK\r\n";
};
constexpr Try kTries[] = {
    {Lapse::Backslash, "APPEND a\\ "},
    {Lapse::Backslash, "SELECT \\1 "},
    {Lapse::Backslash, "APPEND INBOX (\\Seen \\) "},
    {Lapse::Backslash, "SEARCH FROM \\ TO "},
    {Lapse::Parenthesis, "APPEND INBOX (\\Seen)) "},
    {Lapse::Parenthesis, "RENAME a(b "},
    {Lapse::Parenthesis, "SEARCH FROM a) TO "},
    {Lapse::Quote, "APPEND a\"b\" "},
    {Lapse::Quote, "RENAME \"a\"b "},
    {Lapse::Quote, "SEARCH FROM \"a\"\"b\" TO "},
    {Lapse::Brace, "APPEND a{b "},
    {Lapse::Brace, "RENAME a}b "},
    {Lapse::Brace, "SEARCH FROM x{1}y TO "},
    {Lapse::Number, "APPEND 123456789012345678901 "},
    {Lapse::Number, "COPY 1:123456789012345678901 "},
    {Lapse::Number, "SEARCH LARGER 123456789012345678901 FROM "},
    {Lapse::Control, "APPEND a\tb "},
    {Lapse::Control, "RENAME a\x01 "},
    {Lapse::NoString, "IDLE "},
    {Lapse::NoString, "NOOP "},
    {Lapse::NoString, "CLOSE "},
    {Lapse::NoString, "ENABLE "},
    {Lapse::NoString, "XMOVE "},
    {Lapse::NoString, "UID EXPUNGE "},
    {Lapse::NoString, "STORE 1 +FLAGS ("},
    {Lapse::NoString, "FETCH 1 ("},
    {Lapse::OddMessage, "APPEND INBOX junk "},
    {Lapse::OddMessage, "APPEND INBOX (\\Seen) junk "},
    {Lapse::OddFlags, "APPEND INBOX (\\Seen \"x\") "},
    {Lapse::OddFlags, "APPEND INBOX ((\\Seen)) "},
    {Lapse::OddFlags, "APPEND INBOX (", ")"},
    {Lapse::OddDate, "APPEND INBOX \"1-Jan\" "},
    {Lapse::OddDate, "APPEND INBOX (\\Seen) \"\" "},
    {Lapse::OddSection, "APPEND INBOX CATENATE ("},
    {Lapse::OddSection, "APPEND INBOX CATENATE (FILE x TEXT "},
    {Lapse::OddSection, "APPEND INBOX UTF8 ("},
    {Lapse::BehindBody, "APPEND INBOX ", " h1 CHECK", "x"},
    {Lapse::BehindBody, "APPEND INBOX ", " (h1 CHECK", "x"},
};

// At the upstream itself: to the octets of a client that waits for "+".
TEST(Lapses, AreThereAndEachShows) {
  std::size_t shown[std::size(kLapses)] = {};
  for (const Try& one : kTries) {
    LenientUpstream upstream('/', true, one.lapse);
    const std::string octets = one.hidden;
    const std::string asked =
        upstream.receive("t1 " + std::string(one.before) + "{" + std::to_string(octets.size()) + "}\r\n");
    ASSERT_TRUE(asked.starts_with("+")) << one.before << ": " << asked;
    upstream.receive(octets + one.behind + "\r\n");
    bool seen = false;
    for (const Harm& harm : upstream.commands()) seen = seen || harm.verb == "CHECK";
    EXPECT_TRUE(seen) << one.before << ": it does not lose count";
    ++shown[static_cast<std::size_t>(one.lapse) - 1];
  }
  for (const Lapse lapse : kLapses) {
    if (lapse == Lapse::Refusal || lapse == Lapse::LateRefusal) continue;
    EXPECT_GT(shown[static_cast<std::size_t>(lapse) - 1], 1U) << static_cast<int>(lapse);
  }
}

void check(Client& client, Rules rules, std::size_t& literals) {
  std::uint64_t executed = 0;
  for (const Harm& harm : client.upstream().commands()) {
    if (harm.verb != "CHECK") continue;
    ++executed;
    EXPECT_NE(rules, Rules::DenyHidden) << harm.command;
  }
  EXPECT_LE(executed, client.stage().commands(imap::Verb::Check, CommandResult::Ok))
      << client.upstream().received();
  EXPECT_EQ(client.upstream().behind_refusal(), "") << client.upstream().received();
  EXPECT_EQ(client.stage().problems(), std::vector<std::string>{});
  if (client.upstream().received().find("}\r\n") != std::string::npos) ++literals;
}

// Its octets at once, or line by line.
void attack(const std::string& command, Lapse lapse, bool at_once, Rules rules, bool audit,
            std::size_t& literals) {
  SCOPED_TRACE(in_one_line(command) + " | lapse " + std::to_string(static_cast<int>(lapse)) + ", rules " +
               std::to_string(static_cast<int>(rules)) + (audit ? ", audit" : "") +
               (at_once ? ", at once" : ""));
  Client client(setting(rules, audit), {}, '/', true, lapse);
  client.log_in();
  client.blurt("l2 SELECT INBOX\r\n");
  if (at_once) {
    client.blurt("t1 " + command + "\r\n");
  } else {
    std::size_t from = 0;
    const std::string text = "t1 " + command + "\r\n";
    for (std::size_t to = text.find('\n'); to != std::string::npos; to = text.find('\n', from)) {
      client.blurt(text.substr(from, to + 1 - from));
      from = to + 1;
    }
  }
  client.blurt("t2 NOOP\r\n");
  check(client, rules, literals);
}

TEST(Lapses, ShowNothingThatTheGrammarKeepsBack) {
  for (const Try& one : kTries) {
    const std::string octets = one.hidden;
    for (const char* ending : {"}\r\n", "+}\r\n"}) {
      const std::string command =
          std::string(one.before) + "{" + std::to_string(octets.size()) + ending + octets + one.behind;
      for (const Rules rules : kRules) {
        for (const bool audit : {false, true}) {
          for (const bool at_once : {false, true}) {
            std::size_t literals = 0;
            attack(command, one.lapse, at_once, rules, audit, literals);
            if (one.lapse == Lapse::BehindBody) continue;
            EXPECT_EQ(literals, 0U) << command << ": it went upstream";
          }
        }
      }
    }
  }
}

// --- what chance may try
constexpr const char* kOdd[] = {"\\",
                                "\\\"",
                                "\\ ",
                                "\\1",
                                "\\(",
                                "(",
                                ")",
                                "))",
                                "((",
                                "}",
                                "x}",
                                "{",
                                "x{1",
                                "{1}x",
                                "\"a\"b",
                                "a\"b\"",
                                "\"\"\"\"",
                                "x(y)",
                                "\t",
                                "\x01",
                                "\\*",
                                "123456789012345678901234",
                                "junk",
                                "(x)",
                                "(\"x\")",
                                "((x))",
                                "(\\Seen) (x)",
                                "\"1-Jan\"",
                                "NIL",
                                "\\Seen",
                                "CATENATE",
                                "CATENATE (FILE x TEXT",
                                "CATENATE (URL /x TEXT",
                                "UTF8",
                                "UTF8 (x"};

constexpr const char* kHeads[] = {"APPEND INBOX",
                                  "APPEND INBOX (\\Seen)",
                                  "IDLE",
                                  "NOOP",
                                  "STORE 1 +FLAGS",
                                  "STORE 1 +FLAGS (\\Seen",
                                  "FETCH 1 (FLAGS",
                                  "FETCH 1 BODY[HEADER.FIELDS (DATE",
                                  "FETCH",
                                  "SEARCH FROM",
                                  "SEARCH SEEN",
                                  "UID SEARCH 1:* OR",
                                  "SELECT",
                                  "SELECT INBOX",
                                  "XSOMETHING",
                                  "UID EXPUNGE",
                                  "ENABLE",
                                  "COPY 1",
                                  "COPY",
                                  "LIST \"\"",
                                  "STATUS INBOX",
                                  "STATUS",
                                  "ID (\"name\"",
                                  "CREATE",
                                  "RENAME a",
                                  "GETQUOTA",
                                  "SETMETADATA INBOX (/private/comment",
                                  "CLOSE",
                                  "REPLACE 1 INBOX",
                                  "SETACL INBOX bob",
                                  "UNSELECT"};

// A head, an odd word somewhere in it, a literal whose octets hide a command, and something behind it.
std::string make_attack(Random& random, const std::vector<Form>& all) {
  std::string text;
  if (random.chance(30)) {
    text = all[random.below(all.size())].command;
    const std::size_t brace = text.find(" {");
    if (brace != std::string::npos) text.erase(brace);
  } else {
    text = one_of(random, kHeads);
  }
  for (std::size_t n = random.below(3); n > 0; --n) {
    std::size_t at = random.chance(60) ? text.size() : random.below(text.size() + 1);
    const std::string word = one_of(random, kOdd);
    text.insert(at, random.chance(70) ? " " + word : word);
  }
  const std::string octets = random.chance(50) ? "\r\n" + std::string(kHidden) : kHidden;
  const std::string ending = random.chance(70) ? "+}\r\n" : "}\r\n";
  text += " {" + std::to_string(octets.size()) + ending + octets;
  if (random.chance(50)) {
    constexpr const char* kTails[] = {" h1 CHECK",
                                      ") h1 CHECK",
                                      " (\\Seen) h1 CHECK",
                                      "h1 CHECK",
                                      ")",
                                      " (\\Seen) {10+}\r\nh1 CHECK\r\n",
                                      " (\\Seen) {10}\r\nh1 CHECK\r\n",
                                      " {10+}\r\nh1 CHECK\r\n",
                                      " {0+}\r\n {10+}\r\nh1 CHECK\r\n",
                                      " (x) {10+}\r\nh1 CHECK\r\n"};
    text += one_of(random, kTails);
  }
  return text;
}

TEST(Lapses, OfAnUpstreamShowItNoCommandThatWasNotJudged) {
  const char* many = std::getenv("POSTERN_SIM_SEEDS");
  const std::uint64_t count = many == nullptr ? 1500 : std::strtoull(many, nullptr, 10);
  const std::vector<Form> all = forms();
  std::size_t literals = 0;
  for (std::uint64_t seed = 1; seed <= count && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::string command = make_attack(random, all);
    for (const Lapse lapse : {kLapses[seed % std::size(kLapses)], one_of(random, kLapses)}) {
      const Rules rules = random.chance(50) ? Rules::DenyHidden : one_of(random, kRules);
      attack(command, lapse, random.chance(60), rules, random.chance(50), literals);
    }
  }
  EXPECT_GT(literals, count / 20) << "too few get as far as a literal";
}

TEST(Lapses, AtEachFormShowNoCommandThatWasNotJudged) {
  std::size_t literals = 0;
  std::size_t turn = 0;
  for (const std::vector<Form>& all : {forms(), misfits()})
    for (const Form& form : all)
      for (const Lapse lapse : kLapses) {
        const Rules rules = kRules[++turn % std::size(kRules)];
        attack(form.command, lapse, true, rules, turn % 3 == 0, literals);
        if (HasFailure()) return;
      }
  EXPECT_GT(literals, 100U);
}

// --- a part that is refused when others are out
TEST(Lapses, NothingGoesBehindAPartThatWasRefused) {
  for (const std::string tail :
       {" (\\Seen) {10+}\r\nh1 CHECK\r\n", " (\\Seen) {10}\r\nh1 CHECK\r\n", " {10+}\r\nh1 CHECK\r\n"})
    for (const Rules rules : kRules)
      for (const bool audit : {false, true})
        for (const bool at_once : {false, true}) {
          SCOPED_TRACE(in_one_line(tail) + std::to_string(static_cast<int>(rules)) + (audit ? " audit" : ""));
          std::size_t literals = 0;
          attack("APPEND INBOX {1+}\r\nx" + tail, Lapse::LateRefusal, at_once, rules, audit, literals);
          if (rules != Rules::ReadOnly) {
            EXPECT_EQ(literals, 1U) << "it did not get so far";
          }
        }
}

}  // namespace
}  // namespace postern::policy
