// What `rules` and `trash` may say, and where it is told what they may not.
#include <gtest/gtest.h>

#include "config/match.h"
#include "unit/config/given.h"

namespace postern::config {
namespace {

using test::findings;
using test::load_with;
using test::message;

std::string shown(const std::vector<WhenEntry>& entries) {
  std::string out;
  for (const WhenEntry& one : entries) out += (one.negated ? "!" : "") + one.text + " ";
  return out;
}

Rule rule(const std::string& when) {
  const Loaded loaded = load_with("rules:\n  - when: {" + when + "}\n    action: deny\n");
  EXPECT_EQ(findings(loaded), "") << when;
  return loaded.settings.rules.empty() ? Rule{} : loaded.settings.rules[0];
}

// The findings of one rule whose `when` begins in line 8, column 12.
std::string fault(const std::string& when) {
  return findings(load_with("rules:\n  - when: {" + when + "}\n    action: deny\n"));
}

TEST(Rules, AsTheReferenceHasThem) {
  const Loaded loaded = load_with(
      "rules:\n"
      "  - name: keep-the-archive\n"
      "    when: { command: [DELETE, RENAME], mailbox: [\"Archive\", \"Archive/**\"] }\n"
      "    action: deny\n"
      "    mode: observe\n"
      "    reply: \"the archive is kept for seven years\"\n"
      "  - {action: organise}\n"
      "trash: [Bin]\n");
  ASSERT_EQ(findings(loaded), "");
  ASSERT_EQ(loaded.settings.rules.size(), 2u);
  const Rule& first = loaded.settings.rules[0];
  EXPECT_EQ(first.name, "keep-the-archive");
  EXPECT_EQ(first.action, RuleAction::Deny);
  EXPECT_EQ(first.mode, RuleMode::Observe);
  EXPECT_EQ(first.reply, "the archive is kept for seven years");
  EXPECT_EQ(shown(first.when.commands), "DELETE RENAME ");
  EXPECT_EQ(shown(first.when.mailboxes), "Archive Archive/** ");
  const Rule& second = loaded.settings.rules[1];
  EXPECT_EQ(second.name, "rule 2") << "by its place";
  EXPECT_EQ(second.action, RuleAction::Organise);
  EXPECT_EQ(second.mode, RuleMode::Enforce);
  EXPECT_EQ(loaded.settings.trash, std::vector<std::string>{"Bin"});
}

TEST(Rules, EveryActionHasItsWord) {
  const Loaded loaded = load_with(
      "rules: [{action: allow}, {action: deny}, {action: read_only}, {action: organise}, {action: "
      "disconnect}]\n");
  ASSERT_EQ(findings(loaded), "");
  const RuleAction wanted[] = {RuleAction::Allow, RuleAction::Deny, RuleAction::ReadOnly,
                               RuleAction::Organise, RuleAction::Disconnect};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(loaded.settings.rules[i].action, wanted[i]);
}

TEST(Rules, EveryKeyTakesAValueOrAList) {
  EXPECT_EQ(shown(rule("user: bob").when.users), "bob ");
  EXPECT_EQ(shown(rule("user: [bob, '!*@example.com']").when.users), "bob !*@example.com ");
  EXPECT_EQ(shown(rule("listener: imaps").when.listeners), "imaps ");
  EXPECT_EQ(shown(rule("listener: [imaps, '!imap']").when.listeners), "imaps !imap ");
  EXPECT_EQ(shown(rule("sni: '*.example.com'").when.sni), "*.example.com ");
  EXPECT_EQ(shown(rule("sni: [a, '!b']").when.sni), "a !b ");
  EXPECT_EQ(shown(rule("tls_version: '1.2'").when.tls_versions), "1.2 ");
  EXPECT_EQ(shown(rule("tls_version: ['1.2', '!1.3']").when.tls_versions), "1.2 !1.3 ");
  EXPECT_EQ(shown(rule("client_cert: '*@example.com'").when.client_certs), "*@example.com ");
  EXPECT_EQ(shown(rule("client_cert: ['a', '!b']").when.client_certs), "a !b ");
  EXPECT_EQ(shown(rule("command: store").when.commands), "STORE ");
  EXPECT_EQ(shown(rule("command: [Store, '!Expunge']").when.commands), "STORE !EXPUNGE ");
  EXPECT_EQ(shown(rule("class: write").when.classes), "write ");
  EXPECT_EQ(shown(rule("class: [read, '!admin']").when.classes), "read !admin ");
  EXPECT_EQ(shown(rule("mailbox: INBOX").when.mailboxes), "INBOX ");
  EXPECT_EQ(shown(rule("mailbox: ['**', '!Trash']").when.mailboxes), "** !Trash ");
  EXPECT_EQ(shown(rule("flag: \\Deleted").when.flags), "\\Deleted ");
  EXPECT_EQ(shown(rule("flag: [\\Deleted, '!$Junk']").when.flags), "\\Deleted !$Junk ");
}

TEST(Rules, Networks) {
  const std::vector<WhenNetwork> one = rule("client: 192.0.2.0/24").when.clients;
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].network.prefix, 96 + 24);
  EXPECT_FALSE(one[0].negated);
  const std::vector<WhenNetwork> two = rule("client: [10.0.0.0/8, '!2001:db8::/32']").when.clients;
  ASSERT_EQ(two.size(), 2u);
  EXPECT_FALSE(two[0].negated);
  EXPECT_TRUE(two[1].negated);
  EXPECT_EQ(two[1].network.prefix, 32);
  EXPECT_TRUE(contains(two[1].network, *parse_address("2001:db8::1")));
}

TEST(Rules, VersionsAndTruthNeedNoQuotes) {
  EXPECT_EQ(shown(rule("tls_version: 1.2").when.tls_versions), "1.2 ");
  EXPECT_EQ(shown(rule("tls_version: [1.2, 1.3]").when.tls_versions), "1.2 1.3 ");
  EXPECT_EQ(shown(rule("client_cert: true").when.client_certs), "true ");
  EXPECT_EQ(shown(rule("client_cert: false").when.client_certs), "false ");
  EXPECT_EQ(rule("tls: true").when.tls, true);
  EXPECT_EQ(rule("tls: false").when.tls, false);
  EXPECT_EQ(rule("user: x").when.tls, std::nullopt);
  EXPECT_EQ(fault("user: true"), "8:18 value\n") << "a name that looks like something else is asked about";
}

TEST(Rules, AnEmptyListAsksForNothing) { EXPECT_TRUE(rule("mailbox: []").when.mailboxes.empty()); }

TEST(Rules, FaultsAreShownWhereTheyStand) {
  EXPECT_EQ(fault("user: ''"), "8:18 rule\n");
  EXPECT_EQ(fault("user: '!'"), "8:18 rule\n");
  EXPECT_EQ(fault("mailbox: [INBOX, '']"), "8:29 rule\n");
  EXPECT_EQ(fault("client: 192.0.2.1/24"), "8:20 rule\n");
  EXPECT_EQ(fault("client: '!bob'"), "8:20 rule\n");
  EXPECT_EQ(fault("tls_version: 1.4"), "8:25 rule\n");
  EXPECT_EQ(fault("tls_version: '!tls'"), "8:25 rule\n");
  EXPECT_EQ(fault("class: delete"), "8:19 rule\n");
  EXPECT_EQ(fault("class: [read, wirte]"), "8:26 rule\n");
  EXPECT_EQ(fault("command: UID STORE"), "8:21 rule\n");
  EXPECT_EQ(fault("command: 'uid'"), "8:21 rule\n");
  EXPECT_EQ(fault("command: 'GET*'"), "8:21 rule\n");
  EXPECT_EQ(fault("command: 'STORE +FLAGS'"), "8:21 rule\n");
  EXPECT_EQ(fault("flag: '\\Deleted \\Seen'"), "8:18 rule\n");
  EXPECT_EQ(fault("flag: '!(\\Deleted)'"), "8:18 rule\n");
  EXPECT_EQ(fault("tls: maybe"), "8:17 value\n");
  EXPECT_EQ(fault("subject: x"), "8:12 unknown-key\n");
  EXPECT_EQ(fault("mailbox: {a: b}"), "8:21 type\n");
  EXPECT_EQ(fault("mailbox: !Trash"), "8:21 tag\n8:21 rule\n");
}

TEST(Rules, AMistakeIsToldWithTheNearestWord) {
  EXPECT_EQ(
      message(load_with("rules: [{when: {class: destructiv}, action: deny}]\n")),
      "class: 'destructiv' is none of read, write, destructive, auth, admin (did you mean 'destructive'?)");
  EXPECT_EQ(
      message(load_with("rules: [{action: denny}]\n")),
      "rules[0].action: 'denny' must be one of allow, deny, read_only, organise, disconnect (did you mean "
      "'deny'?)");
}

TEST(Rules, AnActionIsNeeded) { EXPECT_EQ(findings(load_with("rules: [{name: a}]\n")), "7:9 missing-key\n"); }

TEST(Rules, AFlagWithoutItsBackslashIsAKeyword) {
  EXPECT_EQ(fault("flag: Deleted"), "8:18 warning rule\n");
  EXPECT_EQ(fault("flag: '!seen'"), "8:18 warning rule\n");
  EXPECT_EQ(fault("flag: Deletion"), "");
}

TEST(Rules, NamesAreNotUsedTwice) {
  EXPECT_EQ(findings(load_with("rules:\n  - {name: a, action: deny}\n  - {name: a, action: allow}\n")),
            "9:12 duplicate-name\n");
  EXPECT_EQ(findings(load_with("rules:\n  - {name: rule 2, action: deny}\n  - {action: allow}\n")),
            "9:5 duplicate-name\n")
      << "the names that are given by place count, too";
  EXPECT_EQ(findings(load_with("rules: [{action: deny, name: " + std::string(64, 'n') + "}]\n")), "");
  EXPECT_EQ(findings(load_with("rules: [{action: deny, name: " + std::string(65, 'n') + "}]\n")),
            "7:30 rule\n");
}

TEST(Rules, AReplyFitsIntoALineOfIMAP) {
  const auto reply = [](const std::string& text, const std::string& action = "deny") {
    return findings(load_with("rules: [{action: " + action + ", reply: \"" + text + "\"}]\n"));
  };
  EXPECT_EQ(reply(std::string(200, 'x')), "");
  EXPECT_EQ(reply(std::string(201, 'x')), "7:31 rule\n");
  EXPECT_EQ(reply("[ALERT] no"), "7:31 rule\n");
  EXPECT_EQ(reply("no [ALERT]"), "");
  EXPECT_EQ(reply("für immer"), "7:31 rule\n");
  EXPECT_EQ(reply("a\\nb"), "7:31 value\n");
  EXPECT_EQ(reply("never seen", "allow"), "7:32 warning rule\n");
  EXPECT_EQ(reply("bye", "disconnect"), "");
}

TEST(Rules, TrashNamesMailboxes) {
  EXPECT_EQ(load_with("").settings.trash, (std::vector<std::string>{"Trash", "Deleted Items"}));
  EXPECT_TRUE(load_with("trash: []\n").settings.trash.empty());
  EXPECT_EQ(findings(load_with("trash: [Trash, '']\n")), "7:16 rule\n");
}

}  // namespace
}  // namespace postern::config
