#include "filters/review/rule_check.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace postern::server {
namespace {

// Before the rules, which begin in line 11.
constexpr const char* kBegin =
    "version: 1\n"
    "listeners:\n"
    "  - { name: imaps, address: \"127.0.0.1:993\", tls: implicit }\n"
    "  - { name: imap, address: \"127.0.0.1:143\", tls: starttls }\n"
    "  - { name: inner, address: \"127.0.0.1:144\", tls: off, allow_cleartext: true }\n"
    "tls:\n"
    "  certificates: [{ cert: a.crt, key: a.key }]\n";

// "line:column code: message" of what check_rules says.
std::vector<std::string> findings(const std::string& rules, const std::string& tls = "") {
  const std::string text = std::string(kBegin) + tls +
                           "upstreams:\n  - { name: mail, servers: [\"127.0.0.1:143\"] }\n"
                           "rules:\n" +
                           rules;
  const config::Loaded loaded = config::load_text(text, "p.yaml", "/", {.files = false});
  EXPECT_TRUE(loaded.ok) << config::render(loaded.diagnostics);
  std::vector<std::string> out;
  for (const config::Diagnostic& one : check_rules(loaded.settings)) {
    EXPECT_EQ(one.severity, config::Severity::Warning);
    EXPECT_EQ(one.mark.file, "p.yaml");
    out.push_back(std::to_string(one.mark.line) + " " + one.code + ": " + one.message);
  }
  return out;
}

// Of one rule with this `when`.
std::string of(const std::string& when, const std::string& action = "deny", const std::string& tls = "") {
  const auto all = findings("  - { name: r, when: { " + when + " }, action: " + action + " }\n", tls);
  std::string out;
  for (const std::string& one : all) out += (out.empty() ? "" : "\n") + one;
  return out;
}

std::string never(const std::string& why) { return "11 never-matches: 'r' never matches: " + why; }

TEST(RuleCheck, IsSilentWhereARuleCanMatch) {
  for (const std::string when : {"command: [DELETE, RENAME], mailbox: [Archive, \"Archive/**\"]",
                                 "class: destructive",
                                 "class: auth",
                                 "command: CAPABILITY",
                                 "command: [STORE], class: destructive, flag: \"\\\\Deleted\"",
                                 "command: STORE, class: \"!destructive\"",
                                 "command: CLOSE, class: [destructive]",
                                 "command: CLOSE, class: [\"!write\"]",
                                 "class: admin, mailbox: x",
                                 "command: \"!FETCH\", class: read",
                                 "user: [\"*@a\", \"!bob@a\"]",
                                 "user: \"!bob\"",
                                 "client: [10.0.0.0/8, \"!10.1.0.0/16\"]",
                                 "listener: \"ima*\"",
                                 "listener: imap, tls: false",
                                 "listener: inner, tls: false",
                                 "tls: true",
                                 "tls_version: [\"1.0\", \"1.2\"]",
                                 "tls_version: \"!1.2\"",
                                 "tls_version: [\"!1.2\", \"!1.3\"]",
                                 "client_cert: false",
                                 "mailbox: [\"**\", \"!INBOX\"]",
                                 "flag: \"\\\\Deleted\"",
                                 "command: [LIST, STATUS], mailbox: \"Trash/*\"",
                                 "command: SETQUOTA, mailbox: x",
                                 "command: GETQUOTAROOT, mailbox: x",
                                 "tls: false"})
    EXPECT_EQ(of(when), "") << when;
}

TEST(RuleCheck, CommandsAndTheirClasses) {
  EXPECT_EQ(of("command: [FETCH, SEARCH], class: destructive"),
            never("class: none of FETCH, SEARCH is of class destructive, as far as it is not excluded"));
  EXPECT_EQ(of("class: [destructive, \"!write\"]"),
            never("class: no command that is left is of class destructive, as far as it is not excluded"));
  EXPECT_EQ(of("command: NOOP, class: read"),
            never("class: none of NOOP is of class read, as far as it is not excluded"));
  EXPECT_EQ(of("command: FETCH, class: \"!read\""),
            never("class: none of FETCH is of class any other than the excluded ones"));
  EXPECT_EQ(
      of("command: [DELETE, \"!DELETE\"]"),
      never("command: each one that it names is excluded again, or is LOGOUT, from which nobody is kept"));
  EXPECT_EQ(of("command: [COPY, MOVE], flag: \"\\\\Deleted\""),
            never("flag: none of COPY, MOVE names flags; STORE, APPEND and REPLACE do"));
  EXPECT_EQ(of("class: auth, flag: \"\\\\Deleted\""),
            never("flag: no command that is left names flags; STORE, APPEND and REPLACE do"));
  EXPECT_EQ(of("command: [GETQUOTA, NAMESPACE], mailbox: Archive"),
            never("mailbox: none of GETQUOTA, NAMESPACE has a mailbox that rules look at"));
  EXPECT_EQ(of("command: LIST, mailbox: \"Archive/**\""),
            never("mailbox: none of LIST has a mailbox that rules look at"));
  EXPECT_EQ(
      of("command: LOGOUT"),
      never("command: each one that it names is excluded again, or is LOGOUT, from which nobody is kept"));
  EXPECT_EQ(of("command: LOGOUT", "disconnect"), "");
  EXPECT_EQ(of("class: auth, mailbox: Archive"),
            never("mailbox: no command that is left has a mailbox that rules look at"));
}

TEST(RuleCheck, UnknownCommandsAreNamedWithTheNearest) {
  EXPECT_EQ(of("command: [expunged, DELETE]"),
            "11 unknown-command: command: 'EXPUNGED' is no command that this version knows (did you mean "
            "'EXPUNGE'?)");
  EXPECT_EQ(of("command: [\"!XQQQQQQ\"]"),
            "11 unknown-command: command: 'XQQQQQQ' is no command that this version knows");
  EXPECT_EQ(of("command: DONE, class: destructive, flag: x, mailbox: y"),
            "11 unknown-command: command: 'DONE' is no command that this version knows");
}

TEST(RuleCheck, WhoIsNamedAndExcluded) {
  EXPECT_EQ(of("user: [Bob, \"!bob\"]"), never("user: '!bob' excludes 'Bob'"));
  EXPECT_EQ(of("user: [\"a*@x\", b@x, \"!*@x\"]"), never("user: '!*@x' excludes 'b@x'"));
  EXPECT_EQ(of("user: \"!*\""), never("user: '!*' excludes everything"));
  EXPECT_EQ(of("sni: [mail.x, \"!MAIL.*\"]"), never("sni: '!MAIL.*' excludes 'mail.x'"));
  EXPECT_EQ(of("client: [10.1.0.0/16, \"!10.0.0.0/8\"]"),
            never("client: each network that it names is excluded again"));
  EXPECT_EQ(of("mailbox: [\"2020/*\", \"!2020/**\"]"), never("mailbox: '!2020/**' excludes '2020/*'"));
  EXPECT_EQ(of("mailbox: [inbox/1, \"!INBOX//**\"]", "allow"),
            never("mailbox: '!INBOX/**' excludes 'INBOX/1'"));
  EXPECT_EQ(of("mailbox: [x, \"!**\"]"), never("mailbox: '!**' excludes everything"));
}

// A restricting rule means `archive`, too, and does not exclude it; an allowing one is the other way round.
TEST(RuleCheck, MailboxesAreComparedAsTheActionDoes) {
  EXPECT_EQ(of("mailbox: [Archive, \"!Archive\"]"), "");
  EXPECT_EQ(of("mailbox: [Archive, \"!archive\"]", "allow"), never("mailbox: '!archive' excludes 'Archive'"));
}

TEST(RuleCheck, Listeners) {
  EXPECT_EQ(of("listener: [imaps, webmail]"), "11 never-matches: no listener has a name like 'webmail'");
  EXPECT_EQ(of("listener: \"!web*\""), "11 never-matches: no listener has a name like 'web*'");
  EXPECT_EQ(of("listener: IMAPS"),
            "11 never-matches: no listener has a name like 'IMAPS'\n" + never("no listener is left"));
  EXPECT_EQ(of("listener: [imap, \"!ima*\"]"), never("no listener is left"));
}

TEST(RuleCheck, WhatTlsCannotBe) {
  EXPECT_EQ(of("listener: imaps, tls: false"),
            never("tls: false, and each listener that is meant has TLS from the first octet"));
  EXPECT_EQ(of("listener: inner, tls: true"), never("tls: true, and no listener that is meant has TLS"));
  EXPECT_EQ(of("tls: false, tls_version: \"1.3\""),
            never("tls_version: none of the sessions that are meant has TLS"));
  EXPECT_EQ(of("listener: inner, tls_version: \"1.3\""),
            never("tls_version: none of the sessions that are meant has TLS"));
  EXPECT_EQ(of("tls_version: [\"1.0\", \"1.1\"]"),
            never("tls_version: all that is left is below tls.min_version (1.2) or excluded"));
  EXPECT_EQ(
      of("tls_version: \"1.2\"", "deny", "  min_version: \"1.3\"\n"),
      "12 never-matches: 'r' never matches: tls_version: all that is left is below tls.min_version (1.3) or "
      "excluded");
  EXPECT_EQ(of("tls: true, tls_version: [\"!1.2\", \"!1.3\"]"),
            never("tls_version: all that is left is below tls.min_version (1.2) or excluded"));
}

TEST(RuleCheck, CertificatesThatNobodyIsAskedFor) {
  const std::string off = "client_cert: no client is asked for one, as tls.client_auth.mode is off";
  EXPECT_EQ(of("client_cert: true"), never(off));
  EXPECT_EQ(of("client_cert: \"*@partner.example\""), never(off));
  EXPECT_EQ(of("client_cert: \"!false\""), never(off));
  EXPECT_EQ(of("client_cert: [true, false]"), "");
  EXPECT_EQ(of("client_cert: [false, \"!false\"]"),
            never("client_cert: everything that it names is excluded again"));
  const std::string request = "  client_auth: { mode: request, ca: ca.pem }\n";
  EXPECT_EQ(of("client_cert: true", "deny", request), "");
  EXPECT_EQ(of("client_cert: true, tls: false", "deny", request),
            "12 never-matches: 'r' never matches: client_cert: none of the sessions that are meant has TLS");
  const std::string require = "  client_auth: { mode: require, ca: ca.pem }\n";
  EXPECT_EQ(of("client_cert: false", "deny", require), "");
  EXPECT_EQ(of("client_cert: false, listener: imaps", "deny", require),
            "12 never-matches: 'r' never matches: client_cert: no session is without one, as "
            "tls.client_auth.mode is "
            "require");
}

// What is said of two rules: of the second one, or "".
std::string second(const std::string& first_when, const std::string& second_when,
                   const std::string& first_rest = "action: deny",
                   const std::string& second_rest = "action: deny") {
  const auto all = findings("  - { name: a, when: { " + first_when + " }, " + first_rest + " }\n" +
                            "  - { name: b, when: { " + second_when + " }, " + second_rest + " }\n");
  EXPECT_LE(all.size(), 1U) << first_when << " | " << second_when;
  return all.empty() ? "" : all.front();
}

constexpr const char* kShadowed =
    "12 shadowed: 'b' never decides: 'a' (p.yaml:11) comes first and matches all that it matches";

TEST(RuleShadow, WhereTheFirstMatchesAllThatTheSecondDoes) {
  for (const auto& [first, then] : std::vector<std::pair<std::string, std::string>>{
           {"", "class: write"},
           {"", ""},
           {"class: write", "class: destructive"},
           {"class: [destructive, admin]", "command: [DELETE, SETACL]"},
           {"class: destructive", "command: STORE, class: destructive"},
           {"command: \"!FETCH\"", "command: [STORE, COPY]"},
           {"user: \"*@x\"", "user: [a@x, \"b*@X\"], class: read"},
           {"user: [\"*\", \"!bob\"]", "user: alice"},
           {"user: \"!bob\"", "user: [\"*\", \"!bob\", \"!eve\"]"},
           {"client: 10.0.0.0/8", "client: [10.1.0.0/16, 10.2.3.4/32]"},
           {"client: \"!10.0.0.0/8\"", "client: 192.0.2.0/24"},
           {"listener: \"*\"", "listener: imap"},
           {"listener: [imap, imaps, inner]", "user: x"},
           {"listener: \"!inner\"", "listener: \"imap*\""},
           {"sni: \"*.example\"", "sni: mail.example"},
           {"tls: true", "tls: true, tls_version: \"1.2\""},
           {"tls_version: [\"1.2\", \"1.3\"]", "tls_version: \"1.3\""},
           {"mailbox: \"Archive/**\"", "mailbox: [\"archive/2020\", \"Archive/*/x\"], command: DELETE"},
           {"mailbox: [\"**\", \"!INBOX\"]", "mailbox: [\"A/**\", \"!INBOX\"]"},
           {"flag: [\"\\\\Deleted\", $x]", "flag: \"\\\\DELETED\""},
           {"client_cert: false", "client_cert: false, class: write"}})
    EXPECT_EQ(second(first, then), kShadowed) << first << " | " << then;
  const auto unknown = findings(
      "  - { name: a, when: { command: XFOO }, action: deny }\n"
      "  - { name: b, when: { command: xfoo, mailbox: y }, action: deny }\n");
  ASSERT_EQ(unknown.size(), 3U);
  EXPECT_EQ(unknown.back(), kShadowed);
}

TEST(RuleShadow, IsNotSaidWhereSomethingIsLeft) {
  for (const auto& [first, then] : std::vector<std::pair<std::string, std::string>>{
           {"class: destructive", "class: write"},
           {"", "command: NOOP"},  // judged only where it is named
           {"command: STORE, class: destructive", "command: STORE"},
           {"class: destructive", "command: CLOSE"},
           {"user: \"*\"", ""},  // before login there is none
           {"user: \"a*\"", "user: \"*\""},
           {"user: [\"*\", \"!bob\"]", "user: \"b*\""},
           {"client: 10.1.0.0/16", "client: 10.0.0.0/8"},
           {"client: \"!10.0.0.0/8\"", "client: 10.0.0.0/7"},
           {"client: \"::/0\"", "class: write"},
           {"listener: imap", "class: write"},
           {"tls: true", "class: write"},
           {"tls_version: [\"1.2\", \"1.3\"]", "tls: true"},
           {"mailbox: \"**\"", "class: write"},
           {"mailbox: \"A/*\"", "mailbox: \"A/**\""},
           {"mailbox: [\"**\", \"!A\"]", "mailbox: \"a\""},
           {"flag: x", "class: write"},
           {"sni: \"*\"", "class: write"},
           {"client_cert: false", "class: write"}})
    EXPECT_EQ(second(first, then), "") << first << " | " << then;
  EXPECT_EQ(second("class: write", "class: write", "action: deny, mode: observe"), "");
}

TEST(RuleShadow, MailboxesAndFlagsAreReadAsEachActionDoes) {
  EXPECT_EQ(second("mailbox: A", "mailbox: A", "action: allow", "action: deny"), "")
      << "the second one means `a`, too";
  EXPECT_EQ(second("mailbox: A", "mailbox: a", "action: deny", "action: allow"), kShadowed);
  EXPECT_EQ(second("flag: x", "flag: x", "action: allow", "action: deny"), "") << "another flag beside it";
  EXPECT_EQ(second("flag: x", "flag: x", "action: deny", "action: allow"), kShadowed);
}

TEST(RuleShadow, NobodyIsKeptFromLeaving) {
  EXPECT_EQ(second("command: [LOGOUT, NOOP]", "command: LOGOUT", "action: deny", "action: disconnect"), "");
}

TEST(RuleShadow, WhatIsAllowedLeavesOnlyWhatCannotBeRead) {
  EXPECT_EQ(
      second("user: \"*\"", "user: x", "action: allow", "action: deny"),
      "12 shadowed: 'b' decides only what cannot be read: 'a' (p.yaml:11) comes first and matches all that "
      "it matches");
  EXPECT_EQ(second("user: \"*\"", "user: x", "action: allow", "action: allow"), kShadowed);
}

// A thousand rules are no burden for a reload.
TEST(RuleShadow, OfAThousandRules) {
  std::string rules;
  for (int i = 0; i < 1000; ++i)
    rules += "  - { when: { user: \"u" + std::to_string(i) + "-*\", mailbox: \"A/" + std::to_string(i) +
             "/**\" }, action: deny }\n";
  rules += "  - { when: { user: \"u999-x\", mailbox: \"A/999/b\" }, action: deny }\n";
  const auto all = findings(rules);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_NE(all[0].find("'rule 1000'"), std::string::npos) << all[0];
}

}  // namespace
}  // namespace postern::server
