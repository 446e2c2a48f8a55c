// One session under a policy, for the tests of rules: commands are given as a client writes them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "filters/command_rules.h"
#include "imap/command_scanner.h"
#include "imap/response_scanner.h"
#include "unit/config/given.h"

namespace postern::filters::test {

inline config::Settings settings_with(const std::string& rules) {
  const config::Loaded loaded = config::test::load_with(rules);
  EXPECT_TRUE(loaded.ok) << config::render(loaded.diagnostics);
  return loaded.settings;
}

// pass, deny, cannot, close, examine, keep-mail.
inline std::string shown(const Decision& decision) {
  switch (decision.ruling) {
    case Ruling::Pass:
      return "pass";
    case Ruling::Deny:
      return decision.response_code == "CANNOT" ? "cannot" : "deny";
    case Ruling::Rewrite:
      return decision.rewriting == Rewriting::Examine ? "examine" : "keep-mail";
    case Ruling::Close:
      return "close";
    default:
      return "unexpected";
  }
}

class RulesSession {
 public:
  explicit RulesSession(const config::Settings& settings)
      : filter_(std::make_shared<const Policy>(settings)) {
    facts.listener = "imaps";
    facts.client_address = "192.0.2.7";
    tls.secure = true;
    tls.minor = 3;
    user = "alice";
    hear("* LIST () \"/\" \"\"\r\n");
    special.known = true;
  }

  void hear(const std::string& lines) {
    imap::ResponseScanner scanner;
    Octets in = lines;
    while (scanner.next(in) == imap::ResponseEvent::Head) naming.learn(scanner.response(), scanner.octets());
  }
  void select(const std::string& name, bool read_only = false) {
    selected = SelectedMailbox{name, read_only};
    has_selected = true;
  }

  Context context() const {
    return {facts, tls, user, logged_in, naming, has_selected ? &selected : nullptr, {}, &special};
  }
  Needs log_in() {
    logged_in = true;
    return filter_.on_logged_in(context());
  }
  Decision login(imap::Verb verb = imap::Verb::Login) { return filter_.on_login(verb, context()); }

  // The decisions on the head and on each part of a command, without its tag and its last CRLF.
  template <typename Each>
  void each_piece(const std::string& command, Each each) {
    imap::CommandScanner scanner({});
    const std::string line = "a " + command + "\r\n";
    Octets in = line;
    for (;;) {
      switch (scanner.next(in)) {
        case imap::CommandEvent::NeedMore:
          return;
        case imap::CommandEvent::Head:
        case imap::CommandEvent::Part:
        case imap::CommandEvent::End:
          each(scanner.command(), filter_.on_command(scanner.command(), context()));
          break;
        case imap::CommandEvent::Malformed:
          ADD_FAILURE() << "malformed: " << command;
          return;
        default:
          break;
      }
    }
  }
  std::vector<Decision> decisions(const std::string& command) {
    std::vector<Decision> out;
    each_piece(command, [&](const imap::Command&, Decision one) { out.push_back(std::move(one)); });
    return out;
  }
  // "pass", or "pass deny" where there are later parts.
  std::string judge(const std::string& command) {
    std::string out;
    for (const Decision& one : decisions(command)) out += (out.empty() ? "" : " ") + test::shown(one);
    return out;
  }

  SessionFacts facts;
  TlsFacts tls;
  std::string user;
  bool logged_in = false;
  imap::MailboxNaming naming;
  SelectedMailbox selected;
  bool has_selected = false;
  SpecialMailboxes special;

 private:
  CommandRules filter_;
};

}  // namespace postern::filters::test
