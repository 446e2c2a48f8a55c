// Random rules, commands and cuts: what a session does is what the naive reading of the rules says, seen at
// the client and by the lenient parser at the upstream. POSTERN_SIM_SEED=n runs that seed alone,
// POSTERN_SIM_SEEDS=n that many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "config/match.h"
#include "imap/command_mailboxes.h"
#include "imap/command_scanner.h"
#include "policy/client.h"
#include "policy/forms.h"
#include "sim/naive_rules.h"
#include "sim/random.h"

namespace postern::policy {
namespace {

using sim::Random;

template <typename List>
auto one_of(Random& random, const List& list) {
  return list[random.below(std::size(list))];
}

std::vector<config::WhenEntry> entries(Random& random, const std::vector<const char*>& words) {
  std::vector<config::WhenEntry> out;
  for (std::size_t n = 1 + random.below(3); n > 0; --n)
    out.push_back({one_of(random, words), random.chance(20), {}});
  return out;
}

config::Rule make_rule(Random& random, std::size_t number) {
  config::Rule rule;
  rule.name = "rule " + std::to_string(number);
  rule.mark = {"p.yaml", static_cast<int>(number), 1};
  rule.action = static_cast<config::RuleAction>(random.below(random.chance(40) ? 5 : 4));
  rule.mode = random.chance(20) ? config::RuleMode::Observe : config::RuleMode::Enforce;
  config::When& when = rule.when;
  if (random.chance(20)) when.users = entries(random, {"fred", "f*", "bob", "*"});
  if (random.chance(10)) when.listeners = entries(random, {"dialogue", "other"});
  if (random.chance(10)) when.tls = random.chance(80);
  if (random.chance(10)) when.tls_versions = entries(random, {"1.2", "1.3"});
  if (random.chance(10)) when.client_certs = entries(random, {"true", "false", "*@x"});
  if (random.chance(10)) {
    std::string why;
    when.clients.push_back(
        {*config::parse_cidr(random.chance(50) ? "192.0.2.0/24" : "10.0.0.0/8", why), random.chance(20)});
  }
  if (random.chance(40))
    when.commands = entries(random, {"STORE", "EXPUNGE", "MOVE", "APPEND", "DELETE", "RENAME", "CLOSE",
                                     "SELECT", "FETCH", "NOOP", "XEXPUNGE", "COPY", "LOGIN", "SETACL"});
  if (random.chance(40)) when.classes = entries(random, {"read", "write", "destructive", "admin", "auth"});
  if (random.chance(50))
    when.mailboxes = entries(random, {"Archive", "Archive/**", "INBOX", "*", "**", "Filed", "arch*", "Trash",
                                      "Archive/\xc3\x89t\xc3\xa9", "Other"});
  if (random.chance(20)) when.flags = entries(random, {"\\Deleted", "\\Seen", "$x", "*"});
  return rule;
}

std::string command_of(Random& random, const std::vector<Form>& forms, char separator) {
  static constexpr const char* kOrdinary[] = {"NOOP",
                                              "FETCH 1 BODY[]",
                                              "STORE 1 +FLAGS (\\Seen)",
                                              "STORE 1 -FLAGS (\\Deleted)",
                                              "COPY 1 Other",
                                              "COPY 1 Archive",
                                              "CREATE x",
                                              "LIST \"\" *",
                                              "STATUS Archive (MESSAGES)",
                                              "UNSELECT",
                                              "SEARCH DELETED",
                                              "STORE 1 FLAGS ($x)",
                                              "APPEND Archive (\\Seen) {1+}\r\nx",
                                              "ENABLE UTF8=ACCEPT"};
  static constexpr const char* kOpened[] = {"Archive", "INBOX", "Other", "archive", "{5}\r\nFiled"};
  if (random.chance(25))
    return (random.chance(80) ? "SELECT " : "EXAMINE ") + std::string(one_of(random, kOpened));
  if (random.chance(30)) return one_of(random, kOrdinary);
  for (;;) {
    const Form& form = forms[random.below(forms.size())];
    if (!form.utf8 && (form.separator == separator || form.separator == '/')) return form.command;
  }
}

std::string shown(const std::vector<config::Rule>& rules) {
  std::string out;
  for (const config::Rule& rule : rules) {
    out += "\n  " + std::string(name_of(rule.action)) +
           (rule.mode == config::RuleMode::Observe ? " on trial" : "");
    const auto add = [&](const char* key, const std::vector<config::WhenEntry>& entries) {
      if (!entries.empty()) out += std::string(" ") + key + ":";
      for (const auto& entry : entries) out += (entry.negated ? " !" : " ") + entry.text;
    };
    add("user", rule.when.users);
    add("listener", rule.when.listeners);
    add("tls_version", rule.when.tls_versions);
    add("client_cert", rule.when.client_certs);
    add("command", rule.when.commands);
    add("class", rule.when.classes);
    add("mailbox", rule.when.mailboxes);
    add("flag", rule.when.flags);
    if (rule.when.tls) out += *rule.when.tls ? " tls: true" : " tls: false";
    if (!rule.when.clients.empty()) out += " client";
  }
  return out;
}

// What the naive reading knows of the session.
class Expectation {
 public:
  Expectation(const config::Settings& settings, const Client& client) : rules_(settings), client_(client) {
    facts_.listener = "dialogue";
    facts_.client_address = "192.0.2.1";
    tls_.secure = true;
    tls_.minor = 3;
  }

  std::string of_login() { return rules_.login(imap::Verb::Login, context(false)).what; }

  std::string of(const std::string& command) {
    if (client_.upstream().received().find("SPECIAL-USE") != std::string::npos && !special_.known)
      special_ = {true, {"Trash"}};
    const std::string text = "x " + command + "\r\n";
    imap::CommandScanner scanner({});
    Octets in = text;
    std::string what;
    for (;;) {
      const imap::CommandEvent event = scanner.next(in);
      if (event == imap::CommandEvent::NeedMore) return what;
      if (event == imap::CommandEvent::Malformed) return "malformed";
      if (event == imap::CommandEvent::Head) opened_ = opened_by(scanner.command());
      if (event != imap::CommandEvent::Head && event != imap::CommandEvent::Part &&
          event != imap::CommandEvent::End)
        continue;
      if (event == imap::CommandEvent::End && scanner.command().text.empty())
        continue;  // nothing more to judge
      const std::string now = rules_.command(scanner.command(), context(true)).what;
      if (what.empty() || now != "pass") what = now;
      if (what == "deny" || what == "cannot" || what == "close") return what;
    }
  }

  bool has_selected() const { return selected_.has_value(); }

  // It was forwarded, and the upstream has said OK.
  void done(const std::string& verb, bool read_only) {
    if (opened_) selected_ = filters::SelectedMailbox{*opened_, read_only};
    if (verb == "CLOSE" || verb == "UNSELECT") selected_.reset();
  }

 private:
  static std::optional<std::string> opened_by(const imap::Command& command) {
    if (command.verb != imap::Verb::Select && command.verb != imap::Verb::Examine) return std::nullopt;
    return imap::mailboxes_of(command).named.front().name;
  }

  filters::Context context(bool logged_in) const {
    filters::Context out{facts_, tls_, user_, logged_in, client_.naming()};
    out.selected = selected_ ? &*selected_ : nullptr;
    out.special = special_.known ? &special_ : nullptr;
    return out;
  }

  sim::NaiveRules rules_;
  const Client& client_;
  filters::SessionFacts facts_;
  TlsFacts tls_;
  std::string user_ = "fred";
  std::optional<std::string> opened_;
  std::optional<filters::SelectedMailbox> selected_;
  filters::SpecialMailboxes special_;
};

struct Counts {
  std::size_t passed = 0, denied = 0, rewritten = 0, closed = 0, refused_logins = 0;
};

// What has come of the last command.
void check(Client& client, const std::string& tag, const std::string& what, Counts& counts,
           Expectation& expectation) {
  const Harm* got = nullptr;
  for (const Harm& harm : client.upstream().commands())
    if (harm.command.starts_with(tag + " ")) got = &harm;
  if (what == "close") {
    ++counts.closed;
    EXPECT_TRUE(client.stage().closed());
    EXPECT_EQ(got, nullptr) << got->command;
    return;
  }
  // A later message was denied: the session ends behind the answer.
  const bool part_was_out = client.upstream().received().find("\n" + tag + " ") != std::string::npos;
  if ((what == "deny" || what == "cannot") && part_was_out) {
    EXPECT_TRUE(client.stage().closed());
  } else {
    ASSERT_FALSE(client.stage().closed()) << client.stage().seen(Side::Client);
  }
  if (what == "deny" || what == "cannot") {
    ++counts.denied;
    EXPECT_TRUE(client.is_answered(tag, what == "deny" ? "NO [NOPERM] " : "NO [CANNOT] "))
        << client.stage().seen(Side::Client);
    EXPECT_EQ(got, nullptr) << got->command;
    return;
  }
  if (what == "keep-mail" && got == nullptr) {  // and no UNSELECT, by which the upstream could say so
    EXPECT_FALSE(expectation.has_selected());
    EXPECT_TRUE(client.is_answered(tag, "BAD ")) << client.stage().seen(Side::Client);
    return;
  }
  EXPECT_TRUE(client.is_answered(tag, "OK ")) << client.stage().seen(Side::Client);
  ASSERT_NE(got, nullptr);
  if (what == "keep-mail") {
    EXPECT_FALSE(got->destroys) << got->command;
    EXPECT_TRUE(got->verb == "UNSELECT" || got->verb == "CLOSE") << got->command;
  }
  if (what == "examine") {
    EXPECT_EQ(got->verb, "EXAMINE");
  }
  ++(what == "pass" ? counts.passed : counts.rewritten);
  expectation.done(got->verb, got->verb == "EXAMINE");
}

void run(std::uint64_t seed, const std::vector<Form>& forms, Counts& counts) {
  Random random(seed);
  spec::Setting setting;
  for (std::size_t n = 1 + random.below(5), i = 1; i <= n; ++i)
    setting.settings.rules.push_back(make_rule(random, i));
  SCOPED_TRACE("rules:" + shown(setting.settings.rules));
  const spec::Way way{.piece = random.chance(50) ? 0 : 1 + random.below(9),
                      .split = random.below(12),
                      .memory = static_cast<spec::Way::Memory>(random.below(3))};
  constexpr char kSeparators[] = {'/', '.', '^'};
  const char separator = one_of(random, kSeparators);
  Client client(setting, way, separator, random.chance(70));
  Expectation expectation(setting.settings, client);
  const std::string login = expectation.of_login();
  client.log_in();
  if (login != "pass") {
    ++counts.refused_logins;
    EXPECT_FALSE(client.is_answered("l1", "OK"));
    EXPECT_EQ(client.upstream().received(), "");
    return;
  }
  ASSERT_TRUE(client.is_answered("l1", "OK")) << client.stage().seen(Side::Client);
  for (int i = 1; i <= 12 && !client.stage().closed(); ++i) {
    const std::string tag = "t" + std::to_string(i);
    const std::string command = command_of(random, forms, separator);
    const std::string what = expectation.of(command);
    SCOPED_TRACE(tag + " " + in_one_line(command) + " | expected: " + what);
    ASSERT_NE(what, "malformed");
    client.say(tag, command);
    check(client, tag, what, counts, expectation);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(client.upstream().violations(), std::vector<std::string>{});
  EXPECT_EQ(client.stage().problems(), std::vector<std::string>{});
}

TEST(RandomRules, AreWhatTheNaiveReadingOfThemSays) {
  const char* one = std::getenv("POSTERN_SIM_SEED");
  const char* many = std::getenv("POSTERN_SIM_SEEDS");
  const std::uint64_t first = one == nullptr ? 1 : std::strtoull(one, nullptr, 10);
  const std::uint64_t count = one != nullptr ? 1 : many == nullptr ? 500 : std::strtoull(many, nullptr, 10);
  const std::vector<Form> all = forms();
  Counts counts;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run(seed, all, counts);
  }
  if (HasFailure() || count < 100) return;
  // Every outcome comes often, or nothing is shown.
  EXPECT_GT(counts.passed, count);
  EXPECT_GT(counts.denied, count);
  EXPECT_GT(counts.rewritten, count / 10);
  EXPECT_GT(counts.closed, count / 50);
  EXPECT_GT(counts.refused_logins, count / 50);
}

}  // namespace
}  // namespace postern::policy
