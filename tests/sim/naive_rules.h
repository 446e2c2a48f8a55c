// The rules once more, written down as the reference configuration says them: for every mailbox of a command
// every rule is held against it in the order of the file, nothing is prepared, nothing remembered but the
// head of an APPEND. Slow and obvious; the tests hold filters::CommandRules against it.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "filters/filter.h"
#include "imap/command_effect.h"
#include "imap/command_mailboxes.h"

namespace postern::sim {

struct NaiveVerdict {
  std::string what = "pass";  // pass, deny, cannot, close, examine, keep-mail
  int decided = -1;           // index of the rule
  int observed = -1;
  std::string shown() const;
};

class NaiveRules {
 public:
  explicit NaiveRules(const config::Settings& settings) : settings_(settings) {}

  NaiveVerdict login(imap::Verb verb, const filters::Context& context) const;
  // A command's head, before or after login, or a later part of the last head.
  NaiveVerdict command(const imap::Command& command, const filters::Context& context);

 private:
  struct Mailbox {
    enum class Kind { None, Name, Below, Unknown };
    Kind kind;
    std::string name;
  };
  struct Asked {
    imap::Verb verb;
    std::string name;  // in capitals
    imap::CommandEffect effect;
    imap::MailboxUses uses;
    bool user_known;
  };

  NaiveVerdict judge(const Asked& asked, const filters::Context& context) const;
  NaiveVerdict judge_for(const Mailbox& mailbox, const Asked& asked, const filters::Context& context) const;
  std::vector<Mailbox> mailboxes(const Asked& asked, const filters::Context& context) const;
  bool matches(const config::Rule& rule, const Mailbox& mailbox, const Asked& asked,
               const filters::Context& context) const;
  std::string outcome(const config::Rule& rule, const Asked& asked, const filters::Context& context) const;
  bool may_move(const Asked& asked, const filters::Context& context) const;
  int restriction(const filters::Context& context) const;

  const config::Settings& settings_;
  imap::Verb append_verb_ = imap::Verb::Unknown;
  imap::MailboxUses append_uses_;
  bool append_complete_ = true;
  imap::AppendReader reader_;
};

}  // namespace postern::sim
