// What 1,000 rules cost a command: nanoseconds of CPU for the filter's decision on one, as JSON. The one part
// of the bench that links Postern, since there is no wire to measure it on.
//
//   mixed      what a large site writes: by user, network, class, command and flag, half of it by mailbox
//   mailboxes  every rule names other mailboxes, and none is settled at login
//   endings    every rule is for names that end in something: how a name begins tells nothing
//
// "opened": the session has just opened another mailbox, and nothing is known of it yet.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "config/match.h"
#include "filters/command_rules.h"
#include "imap/command_scanner.h"
#include "imap/response_scanner.h"

namespace {

using postern::config::Rule;
using postern::config::RuleAction;
using postern::config::Settings;
using postern::config::WhenEntry;
namespace filters = postern::filters;
namespace imap = postern::imap;

constexpr int kRules = 1000;
constexpr int kCommands = 500;
constexpr int kRounds = 5;

WhenEntry entry(std::string text, bool negated = false) { return {std::move(text), negated, {}}; }

Rule rule(RuleAction action) {
  Rule out;
  out.action = action;
  return out;
}

Rule mixed_rule(int i) {
  const std::string number = std::to_string(i);
  Rule out = rule(i % 7 == 0 ? RuleAction::ReadOnly : i % 5 == 0 ? RuleAction::Organise : RuleAction::Deny);
  switch (i % 10) {
    case 0:
      out.when.users = {entry("user" + number)};
      break;
    case 1:
      out.when.users = {entry("*@tenant" + number + ".example")};
      out.when.classes = {entry("destructive")};
      break;
    case 2: {
      std::string why;
      const std::string network = "10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24";
      out.when.clients = {{*postern::config::parse_cidr(network, why), false}};
      break;
    }
    case 3:
      out.when.commands = {entry("SETACL"), entry("DELETEACL")};
      out.when.mailboxes = {entry("Shared/" + number + "/**")};
      break;
    case 4:
      out.when.classes = {entry("admin")};
      out.when.users = {entry("admin*", true)};
      break;
    case 5:
      out.when.flags = {entry("\\Deleted")};
      out.when.mailboxes = {entry("Archive/" + number), entry("Archive/" + number + "/**")};
      break;
    default:
      out.when.classes = {entry("write")};
      out.when.mailboxes = {entry("Team" + number), entry("Team" + number + "/**"),
                            entry("Team" + number + "/Inbox", true)};
      break;
  }
  return out;
}

Settings settings_of(Rule (*make)(int)) {
  Settings settings;
  for (int i = 0; i < kRules; ++i) settings.rules.push_back(make(i));
  return settings;
}

Rule mailbox_rule(int i) {
  Rule out = rule(RuleAction::Deny);
  out.when.mailboxes = {entry("Team" + std::to_string(i) + "/**")};
  return out;
}

Rule ending_rule(int i) {
  Rule out = rule(RuleAction::Deny);
  out.when.mailboxes = {entry("**/Private" + std::to_string(i))};
  return out;
}

// A session under the rules, and a command that is judged again and again.
class Session {
 public:
  explicit Session(const Settings& settings) : filter_(std::make_shared<const filters::Policy>(settings)) {
    facts_.listener = "imaps";
    facts_.client_address = "192.0.2.7";
    tls_.secure = true;
    tls_.minor = 3;
    imap::ResponseScanner scanner;
    postern::Octets list = "* LIST () \"/\" \"\"\r\n";
    if (scanner.next(list) == imap::ResponseEvent::Head) naming_.learn(scanner.response(), scanner.octets());
    special_.known = true;
    filter_.on_logged_in(context(selected_));
  }

  // CPU nanoseconds of one decision: the best of some rounds, since what disturbs only adds. `opens`: the
  // session is in another mailbox each time.
  double judge(const std::string& command, bool opens = false) {
    imap::CommandScanner scanner({});
    const std::string line = "a " + command + "\r\n";
    postern::Octets in = line;
    if (scanner.next(in) != imap::CommandEvent::Head) return -1;
    double best = 1e12;
    for (int round = 0; round < kRounds; ++round) {
      const double begin = cpu_ns();
      for (int i = 0; i < kCommands; ++i) {
        const filters::SelectedMailbox& where = opens && i % 2 != 0 ? other_ : selected_;
        if (filter_.on_command(scanner.command(), context(where)).ruling == filters::Ruling::Close) return -1;
      }
      best = std::min(best, (cpu_ns() - begin) / kCommands);
    }
    return best;
  }

 private:
  static double cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  }
  filters::Context context(const filters::SelectedMailbox& selected) const {
    return {facts_, tls_, user_, true, naming_, &selected, {}, &special_};
  }

  filters::CommandRules filter_;
  filters::SessionFacts facts_;
  postern::TlsFacts tls_;
  std::string user_ = "alice@example.com";
  imap::MailboxNaming naming_;
  filters::SelectedMailbox selected_{"INBOX/Projects", false};
  filters::SelectedMailbox other_{"INBOX/Travel", false};
  filters::SpecialMailboxes special_;
};

struct Asked {
  const char* what;
  const char* command;
  bool opens = false;
};
constexpr Asked kAsked[] = {
    {"FETCH", "FETCH 1:* (FLAGS)"},
    {"UID STORE", "UID STORE 1:* +FLAGS.SILENT (\\Seen)"},
    {"SELECT", "SELECT INBOX/Projects"},
    {"DELETE", "DELETE INBOX/Projects"},
    {"FETCH, opened", "FETCH 1:* (FLAGS)", true},
};

void measure(const char* name, const Settings& settings, bool last) {
  Session session(settings);
  std::printf("  \"%s\": {", name);
  for (const Asked& one : kAsked)
    std::printf("%s\"%s\": %.1f", &one == kAsked ? "" : ", ", one.what,
                session.judge(one.command, one.opens));
  std::printf("}%s\n", last ? "" : ",");
}

}  // namespace

int main() {
  std::printf("{\n");
  measure("mixed", settings_of(mixed_rule), false);
  measure("mailboxes", settings_of(mailbox_rule), false);
  measure("endings", settings_of(ending_rule), true);
  std::printf("}\n");
  return 0;
}
