// The rules over the command stream (protocol.md §4 to §6): which of them meet a command, and what its action
// then means for it. A command is judged once for each mailbox that it names or works on, in each reading of
// the name; the strictest outcome counts. One object for each session, on its worker's thread; while nothing
// of the policy concerns the session it holds nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/filter.h"
#include "filters/policy.h"
#include "imap/command_effect.h"
#include "imap/command_mailboxes.h"

namespace postern::filters {

// What the rules say of one of the mailboxes that a command is judged for.
struct Weighed {
  const Subject* subject = nullptr;  // null: the selected one, or where none is asked for
  bool selected = false;
  const Decision& decision;  // its rules: what this mailbox alone has met
};

class CommandRules final : public Filter {
 public:
  explicit CommandRules(std::shared_ptr<const Policy> policy) : policy_(std::move(policy)) {}

  // Told of each mailbox while a command is judged: for who wants to know why.
  void watch(std::function<void(const Weighed&)> watcher) { watcher_ = std::move(watcher); }

  Decision on_login(imap::Verb verb, const Context& context) override;
  Needs on_logged_in(const Context& context) override;
  Decision on_command(imap::Command& command, const Context& context) override;

 private:
  // A head or a later part, as far as rules look at it.
  struct Judged {
    Traits traits;
    std::string name;  // in capitals, of an unknown verb
    imap::CommandEffect effect;
    imap::MailboxUses uses;
    std::vector<Subject> subjects;  // of `uses`, without the selected mailbox
  };
  // The selected mailbox, and which rules match it: one set for each reading of its name.
  struct Selected {
    std::string name;
    imap::NameEncoding encoding = imap::NameEncoding::ModifiedUtf7;
    bool separator_known = false;
    std::vector<RuleSet> matching;
  };
  // An APPEND or REPLACE whose parts are judged as they come.
  struct Append {
    imap::Verb verb = imap::Verb::Append;
    bool understood = true;
    bool selected = false;
    std::vector<Subject> subjects;
    imap::AppendReader reader;
  };
  struct Outcome {
    Decision decision;
    int strictness = -1;
    const Subject* subject = nullptr;  // what is weighed next
    bool selected = false;
  };

  Decision before_login(const imap::Command& command, const Context& context) const;
  Decision judge_head(const imap::Command& command, const RuleSet& scope, const Context& context);
  Decision judge_part(const imap::Command& part, const Context& context);
  Decision judge(Judged judged, const RuleSet& scope, const Context& context);
  Decision without_mailbox(imap::Verb verb, const RuleSet& set, const Context& context) const;
  void weigh(const Judged& judged, const RuleSet& scope, const RuleSet* mailbox, const Context& context,
             Outcome& outcome) const;
  Decision apply(const config::Rule& rule, const Judged& judged, const Context& context) const;
  bool organises(const Judged& judged, const Context& context) const;
  bool is_trash(const imap::MailboxUse& use, const Context& context) const;
  void refresh_selected(const Context& context);

  std::shared_ptr<const Policy> policy_;
  bool settled_ = false;
  RuleSet rules_;  // those that can still match; empty if none can
  std::int32_t restriction_ = RuleHits::kNone;
  std::unique_ptr<Selected> selected_;
  std::unique_ptr<Append> append_;
  std::function<void(const Weighed&)> watcher_;
};

}  // namespace postern::filters
