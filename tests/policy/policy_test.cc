// No form of losing mail gets past any restriction, whatever it is written like and however it is cut: seen
// by a lenient parser on the octets that the upstream got. And the client stays in step.
#include <gtest/gtest.h>

#include "config/load.h"
#include "policy/client.h"
#include "policy/forms.h"
#include "policy/lenient_upstream.h"

namespace postern::policy {
namespace {

constexpr const char* kDestructive = "  - { when: { class: destructive }, action: deny }\n";
constexpr const char* kByName =
    "  - when:\n"
    "      command: [DELETE, RENAME, EXPUNGE, MOVE, REPLACE, STORE, APPEND, CLOSE, SETACL, DELETEACL, "
    "SETQUOTA,\n"
    "        SETMETADATA]\n"
    "      mailbox: [Archive, \"Archive/\xc3\x89t\xc3\xa9\", INBOX]\n"
    "    action: deny\n";
constexpr const char* kReadOnly = "  - { action: read_only }\n";
constexpr const char* kOrganise = "  - { action: organise }\n";
constexpr const char* kDisconnect = "  - { when: { class: destructive }, action: disconnect }\n";

spec::Setting setting_with(const std::string& rules) {
  const std::string text =
      "version: 1\n"
      "listeners: [{ address: \"127.0.0.1:993\" }]\n"
      "tls: { certificates: [{ cert: a, key: b }] }\n"
      "upstreams: [{ name: mail, servers: [\"127.0.0.1:143\"] }]\n" +
      (rules.empty() ? std::string() : "rules:\n" + rules);
  config::Loaded loaded = config::load_text(text, "p.yaml", "/", {.files = false});
  EXPECT_TRUE(loaded.ok) << config::render(loaded.diagnostics);
  spec::Setting setting;
  setting.settings = std::move(loaded.settings);
  setting.settings.limits.commands_per_session = 0;
  return setting;
}

// Logged in, and where the form wants it: the mailbox selected, UTF-8 enabled.
class Attempt : public Client {
 public:
  Attempt(const Form& form, const std::string& rules, const spec::Way& way, bool has_unselect)
      : Client(setting_with(rules), way, form.separator, has_unselect) {
    log_in();
    EXPECT_TRUE(is_answered("l1", "OK")) << stage().seen(Side::Client);
    if (form.utf8) say("l2", "ENABLE UTF8=ACCEPT");
    if (!form.selected.empty()) say("l3", "SELECT " + form.selected);
  }
};

std::string shown(const Form& form) {
  return in_one_line("SELECT " + form.selected + " | " + form.command) + " | separator " + form.separator;
}

void check_harm(const Form& form, const LenientUpstream& upstream, const std::string& rules) {
  for (const Harm& harm : upstream.commands()) {
    const bool files =
        rules == kOrganise && form.organises && !harm.to_trash && !(harm.verb == "RENAME" && harm.inbox);
    EXPECT_TRUE(!harm.destroys || files) << harm.command;
    if (rules == kReadOnly) {
      EXPECT_FALSE(harm.writes) << harm.command;
    }
  }
  EXPECT_EQ(upstream.violations(), std::vector<std::string>{});
}

// Something of the command went upstream, and then it was refused.
bool is_out(Attempt& run) {
  return run.upstream().received().find("\nt1 ") != std::string::npos &&
         (run.is_answered("t1", "NO [NOPERM]") || run.is_answered("t1", "NO [CANNOT]"));
}

void check_all(const std::string& rules) {
  const bool ends = rules == kDisconnect;
  for (const Form& form : forms()) {
    for (const std::size_t piece : {0U, 1U}) {
      for (const bool has_unselect : {true, false}) {
        SCOPED_TRACE(shown(form) + (piece == 1 ? " | octet by octet" : ""));
        Attempt run(form, rules, {.piece = piece}, has_unselect);
        run.say("t1", form.command);
        if (ends) {
          EXPECT_TRUE(run.stage().closed());
        } else if (is_out(run)) {  // a later message was refused: how the upstream's parser stands is unknown
          EXPECT_TRUE(run.is_answered("t1", "NO")) << run.stage().seen(Side::Client);
          EXPECT_TRUE(run.stage().closed());
        } else {
          ASSERT_FALSE(run.stage().closed()) << run.stage().seen(Side::Client);
          EXPECT_TRUE(run.is_answered("t1", "")) << run.stage().seen(Side::Client);
          run.say("t2", "NOOP");
          EXPECT_TRUE(run.is_answered("t2", "OK")) << run.stage().seen(Side::Client);
          EXPECT_TRUE(run.upstream_got("t2 NOOP"));
        }
        check_harm(form, run.upstream(), rules);
        EXPECT_EQ(run.stage().problems(), std::vector<std::string>{});
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(WaysToLoseMail, AreManyAndNoneIsThereTwice) {
  std::vector<Form> all = forms();
  for (Form& form : misfits()) all.push_back(std::move(form));
  EXPECT_GE(all.size(), 240U);
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_FALSE(all[i].command == all[j].command && all[i].selected == all[j].selected &&
                   all[i].separator == all[j].separator && all[i].utf8 == all[j].utf8)
          << shown(all[i]);
}

// Each of them is one: it arrives where there are no rules, and the parser sees what it does.
TEST(WaysToLoseMail, WorkWithoutRules) {
  for (const Form& form : forms()) {
    SCOPED_TRACE(shown(form));
    Attempt run(form, "", {}, true);
    run.say("t1", form.command);
    run.say("t2", "NOOP");
    EXPECT_TRUE(run.is_answered("t2", "OK")) << run.stage().seen(Side::Client);
    bool destroyed = false;
    for (const Harm& harm : run.upstream().commands()) destroyed = destroyed || harm.destroys;
    EXPECT_TRUE(destroyed) << run.upstream().received();
    EXPECT_EQ(run.upstream().violations(), std::vector<std::string>{});
  }
}

// What does not fit goes nowhere, under every rule and under none; and the client stays in step.
TEST(WaysToLoseMail, OutsideOfTheGrammarGoNowhere) {
  for (const char* rules : {"", kDestructive, kByName, kReadOnly, kOrganise}) {
    for (const Form& form : misfits()) {
      for (const std::size_t piece : {0U, 1U}) {
        SCOPED_TRACE(shown(form) + rules);
        Attempt run(form, rules, {.piece = piece}, true);
        run.say("t1", form.command);
        for (const Harm& harm : run.upstream().commands())
          EXPECT_FALSE(harm.command.starts_with("t1")) << harm.command;
        if (run.upstream().received().find("\nt1 ") != std::string::npos) {
          EXPECT_TRUE(run.stage().closed()) << "the first message was out";
          continue;
        }
        EXPECT_TRUE(run.is_answered("t1", "BAD") || run.is_answered("t1", "NO"))
            << run.stage().seen(Side::Client);
        run.say("t2", "NOOP");
        EXPECT_TRUE(run.is_answered("t2", "OK")) << run.stage().seen(Side::Client);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(WaysToLoseMail, AreDeniedByClass) { check_all(kDestructive); }
TEST(WaysToLoseMail, AreDeniedByCommandAndMailbox) { check_all(kByName); }
TEST(WaysToLoseMail, AreDeniedToWhoMayOnlyRead) { check_all(kReadOnly); }
TEST(WaysToLoseMail, AreDeniedToWhoMayOnlyFile) { check_all(kOrganise); }
TEST(WaysToLoseMail, EndTheSessionWhereThatIsTheRule) { check_all(kDisconnect); }

// What is restricted is not everything: the commands of every day arrive as they are.
TEST(WhatKeepsMail, PassesUnderEachRestriction) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
      {kDestructive,
       {"FETCH 1 BODY[]", "STORE 1 +FLAGS (\\Seen)", "STORE 1 -FLAGS (\\Deleted)", "COPY 1 Other", "CREATE x",
        "UID SEARCH DELETED", "LIST \"\" *"}},
      {kByName, {"FETCH 1 BODY[]", "DELETE Archives", "COPY 1 Archive", "RENAME Other \"Archive/x\""}},
      {kReadOnly, {"FETCH 1 BODY[]", "STATUS x (MESSAGES)", "UID SEARCH DELETED", "CLOSE"}},
      {kOrganise,
       {"STORE 1 +FLAGS (\\Seen)", "MOVE 1 Filed", "COPY 1 Trash", "CREATE x", "RENAME a b", "SUBSCRIBE x"}}};
  for (const auto& [rules, commands] : cases) {
    for (const std::string& command : commands) {
      SCOPED_TRACE(rules + command);
      Form form;
      Attempt run(form, rules, {}, true);
      run.say("t1", command);
      EXPECT_TRUE(run.is_answered("t1", "OK")) << run.stage().seen(Side::Client);
      EXPECT_TRUE(run.upstream_got("t1 " + command)) << run.upstream().received();
    }
  }
}

TEST(WhatKeepsMail, SelectBecomesExamineAndCloseUnselect) {
  Form form;
  Attempt reader(form, kReadOnly, {}, true);
  EXPECT_TRUE(reader.upstream_got("l3 EXAMINE Archive")) << reader.upstream().received();
  for (const bool has_unselect : {true, false}) {
    for (const char* rules : {kDestructive, kOrganise}) {
      Attempt run(form, rules, {}, has_unselect);
      run.say("t1", "CLOSE");
      EXPECT_TRUE(run.is_answered("t1", "OK")) << run.stage().seen(Side::Client);
      EXPECT_EQ(run.upstream_got("t1 UNSELECT"), has_unselect) << run.upstream().received();
      EXPECT_EQ(run.upstream_got("t1 CLOSE"), !has_unselect) << "behind an EXAMINE of the same mailbox";
      EXPECT_EQ(run.stage().seen(Side::Client).find("READ-ONLY"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace postern::policy
