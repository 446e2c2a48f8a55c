// Random rules, sessions and commands: the compiled rules decide as the naive ones do, down to the rule that
// is named. POSTERN_RULES_SEEDS says how many; a seed that fails is printed and gives the same again.
#include "sim/naive_rules.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "config/match.h"
#include "sim/random.h"
#include "unit/filters/rules_session.h"

namespace postern::filters {
namespace {

using config::WhenEntry;
using sim::NaiveRules;
using sim::Random;
using test::RulesSession;

using Words = std::vector<std::string>;

const Words kUsers{"alice", "ALICE", "bob", "a*", "*", "*@example.com"};
const Words kListeners{"imaps", "imap", "ima?", "x*"};
const Words kNames{"mail.example", "MAIL.*", "*", "other"};
const Words kVersions{"1.0", "1.2", "1.3"};
const Words kCertificates{"true", "false", "*@example.com", "CN=*", "bob"};
const Words kCommands{"STORE", "EXPUNGE", "DELETE", "RENAME", "CLOSE",  "APPEND",     "MOVE",
                      "COPY",  "FETCH",   "SELECT", "NOOP",   "LOGOUT", "XFOO",       "SETQUOTA",
                      "LIST",  "CREATE",  "LOGIN",  "STATUS", "ID",     "CAPABILITY", "NOTIFY"};
const Words kClasses{"read", "write", "destructive", "auth", "admin"};
const Words kMailboxes{"INBOX",   "inbox", "Archive",         "archive/**", "Archive/*",
                       "**",      "*",     "Work/**",         "Work/a",     "**/a",
                       "W*/a",    "Wo**",  "Archive/2020/**", "Trash",      "Ärger",
                       "ärger/*", "a&b",   "*/*/*",           "Archive/20*"};
const Words kFlags{"\\Deleted", "\\Seen", "$*", "\\*", "*"};

const std::string& pick(Random& random, const Words& words) { return words[random.below(words.size())]; }

std::vector<WhenEntry> entries(Random& random, const Words& words, std::size_t percent) {
  std::vector<WhenEntry> out;
  if (!random.chance(percent)) return out;
  const std::size_t count = 1 + random.below(3);
  for (std::size_t i = 0; i < count; ++i) out.push_back({pick(random, words), random.chance(25), {}});
  return out;
}

config::Rule random_rule(Random& random) {
  config::Rule rule;
  rule.when.users = entries(random, kUsers, 20);
  rule.when.listeners = entries(random, kListeners, 8);
  rule.when.sni = entries(random, kNames, 8);
  rule.when.tls_versions = entries(random, kVersions, 8);
  rule.when.client_certs = entries(random, kCertificates, 10);
  rule.when.commands = entries(random, kCommands, 35);
  rule.when.classes = entries(random, kClasses, 30);
  rule.when.mailboxes = entries(random, kMailboxes, 60);
  rule.when.flags = entries(random, kFlags, 15);
  if (random.chance(8)) rule.when.tls = random.chance(50);
  if (random.chance(10)) {
    std::string why;
    const char* network = random.chance(50) ? "192.0.2.0/24" : "2001:db8::/32";
    rule.when.clients.push_back({*config::parse_cidr(network, why), random.chance(30)});
  }
  rule.action = static_cast<config::RuleAction>(random.below(5));
  rule.mode = random.chance(20) ? config::RuleMode::Observe : config::RuleMode::Enforce;
  return rule;
}

config::Settings random_settings(Random& random) {
  config::Settings settings;
  const std::size_t count = 1 + random.below(random.chance(10) ? 150 : 8);
  for (std::size_t i = 0; i < count; ++i) settings.rules.push_back(random_rule(random));
  if (random.chance(20)) settings.trash.clear();
  return settings;
}

void randomise(Random& random, RulesSession& session) {
  session.user = random.chance(15) ? "" : pick(random, {"alice", "bob", "carol@example.com"});
  session.facts.listener = pick(random, {"imaps", "imap"});
  session.facts.client_address = pick(random, {"192.0.2.7", "2001:db8::1", "10.0.0.1", "not an address"});
  session.tls.secure = random.chance(80);
  session.tls.minor = random.chance(50) ? 3 : 2;
  session.tls.sni = pick(random, {"", "mail.example", "other"});
  if (random.chance(40)) {
    auto certificate = std::make_shared<ClientCertificate>();
    certificate->subject = "CN=bob,O=Example";
    certificate->common_name = pick(random, {"bob", "carol"});
    certificate->emails = {"bob@example.com"};
    session.tls.client_cert = certificate;
  }
  session.naming = {};
  if (random.chance(85))
    session.hear(random.chance(50) ? "* LIST () \"/\" \"\"\r\n" : "* LIST () \".\" \"\"\r\n");
  if (random.chance(20)) session.hear("* ENABLED UTF8=ACCEPT\r\n");
  session.special.known = random.chance(70);
  if (session.special.known && random.chance(70)) session.special.trash = {"Work/Bin"};
}

std::string random_mailbox(Random& random) {
  static const Words kOpened{
      "INBOX",   "inbox",  "Archive", "ARCHIVE/2020", "Archive/2020/a",    "Archive.2020",  "Work/a",
      "Work",    "work.a", "Trash",   "trash/x",      "INBOX/Trash",       "\"&AMQ-rger\"", "Work/Bin",
      "\"a&b\"", "a&AGI-", "Deleted", "\"\"",         "\"Deleted Items\"", "Arch"};
  return pick(random, kOpened);
}

std::string random_command(Random& random) {
  static const Words kForms{
      "FETCH 1:* (FLAGS)",
      "UID FETCH 1 BODY[]",
      "STORE 1 +FLAGS (\\Deleted)",
      "UID STORE 1:* FLAGS.SILENT (\\Seen \\Deleted)",
      "STORE 1 +FLAGS (\\Seen $Forwarded)",
      "STORE 1 -FLAGS (\\Deleted)",
      "STORE 1 (UNCHANGEDSINCE 12) +FLAGS.SILENT (\\deleted)",
      "STORE 1 +X-GM-LABELS (\\Trash)",
      "STORE 1 FOO (BAR)",
      "EXPUNGE",
      "UID EXPUNGE 1:3",
      "CLOSE",
      "UNSELECT",
      "NOOP",
      "LOGOUT",
      "ID NIL",
      "CAPABILITY",
      "CHECK",
      "IDLE",
      "SELECT %",
      "EXAMINE %",
      "STATUS % (MESSAGES)",
      "CREATE %",
      "DELETE %",
      "RENAME % %",
      "SUBSCRIBE %",
      "COPY 1 %",
      "UID MOVE 1:* %",
      "MOVE 1 %",
      "LIST \"\" *",
      "LIST \"\" %",
      "NAMESPACE",
      "GETQUOTA \"\"",
      "SETQUOTA \"\" (STORAGE 1)",
      "SETMETADATA \"\" (/private/x NIL)",
      "SETMETADATA % (/private/x NIL)",
      "SETACL % bob lrs",
      "XFOO %",
      "xbar",
      "APPEND % {3}\r\nabc",
      "APPEND % (\\Seen) {3}\r\nabc",
      "APPEND % (\\Deleted) {3}\r\nabc",
      "APPEND % (\\Seen) {3}\r\nabc (\\Deleted) {3}\r\nabc",
      "APPEND % {3}\r\nabc {2}\r\nxx",
      "APPEND % CATENATE (URL \"/INBOX/;UID=1\" TEXT {3}\r\nabc URL \"/Archive/2020/;UID=2\")",
      "REPLACE 1 % (\\Seen) {3}\r\nabc",
      "NOTIFY SET (selected (MessageNew)) (subtree % (MessageNew))",
      "NOTIFY SET (personal (MessageNew))",
      "ESEARCH IN (mailboxes (% %)) ALL",
      "ESEARCH IN (subtree %) ALL",
      "STATUS %  (MESSAGES)",
      "GETACL %",
  };
  std::string out;
  for (const char c : pick(random, kForms)) out += c == '%' ? random_mailbox(random) : std::string(1, c);
  return out;
}

std::string shown(const config::Settings& settings) {
  std::string out;
  for (const config::Rule& rule : settings.rules) {
    const auto add = [&](const char* key, const std::vector<WhenEntry>& words) {
      if (words.empty()) return;
      out += std::string(" ") + key + "=";
      for (const WhenEntry& one : words) out += (one.negated ? "!" : "") + one.text + ",";
    };
    out += "  action " + std::to_string(static_cast<int>(rule.action));
    if (rule.mode == config::RuleMode::Observe) out += " on trial";
    add("user", rule.when.users);
    add("command", rule.when.commands);
    add("class", rule.when.classes);
    add("mailbox", rule.when.mailboxes);
    add("flag", rule.when.flags);
    add("tls_version", rule.when.tls_versions);
    add("client_cert", rule.when.client_certs);
    out += "\n";
  }
  return out;
}

std::string shown(const Decision& decision) {
  return test::shown(decision) + " by " + std::to_string(decision.rules.decided) + ", observed " +
         std::to_string(decision.rules.observed);
}

// False: they differ.
bool agree(std::uint64_t seed, std::map<std::string, int>& seen) {
  Random random(seed);
  const config::Settings settings = random_settings(random);
  RulesSession session(settings);
  NaiveRules naive(settings);
  randomise(random, session);
  for (const imap::Verb verb : {imap::Verb::Login, imap::Verb::Authenticate}) {
    const std::string wanted = naive.login(verb, session.context()).shown();
    EXPECT_EQ(shown(session.login(verb)), wanted) << "login";
    if (testing::Test::HasFailure()) return false;
  }
  const bool before_login = random.chance(10);
  if (!before_login) session.log_in();
  for (int i = 0; i < 12; ++i) {
    if (random.chance(70)) {
      std::string name = random_mailbox(random);
      std::erase(name, '"');
      session.select(name.empty() ? "INBOX" : name, random.chance(30));
    } else {
      session.has_selected = random.chance(50) && session.has_selected;
    }
    const std::string command = random_command(random);
    session.each_piece(command, [&](const imap::Command& piece, const Decision& decision) {
      const sim::NaiveVerdict wanted = naive.command(piece, session.context());
      EXPECT_EQ(shown(decision), wanted.shown())
          << command << "\nselected " << (session.has_selected ? session.selected.name : "nothing");
      ++seen[wanted.what];
    });
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "seed " << seed << ", user '" << session.user << "', rules:\n" << shown(settings);
      return false;
    }
  }
  return true;
}

TEST(NaiveRules, DecideAsTheCompiledOnesDo) {
  const char* wanted = std::getenv("POSTERN_RULES_SEEDS");
  const std::uint64_t seeds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1500;
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (!agree(seed, seen)) return;
  for (const char* what : {"pass", "deny", "cannot", "close", "examine", "keep-mail"})
    EXPECT_GT(seen[what], 0) << what << " was never asked for: the test is too tame";
}

}  // namespace
}  // namespace postern::filters
