#include "filters/command_rules.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/octets.h"
#include "imap/mailbox_name.h"

namespace postern::filters {
namespace {

using config::Rule;
using config::RuleAction;
using imap::MailboxRole;
using imap::MailboxUse;
using imap::Verb;
using Kind = Subject::Kind;

// protocol.md §4: disconnect > deny > organise > read_only > allow.
int strictness_of(RuleAction action) noexcept {
  switch (action) {
    case RuleAction::Allow:
      return 0;
    case RuleAction::ReadOnly:
      return 1;
    case RuleAction::Organise:
      return 2;
    case RuleAction::Deny:
      return 3;
    case RuleAction::Disconnect:
      return 4;
  }
  return 4;
}

// What comes of it goes before the action's name: where the source of a COPY is under organise and its target
// under read_only, organise has no objection and read_only has.
int strictness_of(const Decision& decision, RuleAction action) noexcept {
  const int outcome = decision.ruling == Ruling::Close     ? 3
                      : decision.ruling == Ruling::Deny    ? 2
                      : decision.ruling == Ruling::Rewrite ? 1
                                                           : 0;
  return 10 * outcome + strictness_of(action);
}

bool destroys(const imap::CommandEffect& effect) noexcept {
  return effect.marks || (effect.classes & imap::effect::kDestroys) != 0;
}

bool changes(const imap::CommandEffect& effect) noexcept {
  return destroys(effect) || (effect.classes & imap::effect::kWrites) != 0;
}

bool selected_is_read_only(const Context& context) noexcept {
  return context.selected != nullptr && context.selected->read_only;
}

// Could some octet of the name separate levels, while nobody knows which does? No separator is a letter or a
// digit.
bool is_ambiguous(Octets name, const imap::MailboxNaming& naming) noexcept {
  if (naming.knows_separator()) return false;
  return std::any_of(name.begin(), name.end(), [](char c) {
    const char upper = ascii_upper(c);
    const bool plain = (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9');
    return !plain && static_cast<unsigned char>(c) < 0x80;
  });
}

std::vector<std::string> readings_of(Octets name, imap::NameEncoding encoding,
                                     const imap::MailboxNaming& naming) {
  imap::CanonicalName canonical = naming.canonical(name, encoding);
  std::vector<std::string> out{std::move(canonical.name)};
  if (canonical.other) out.push_back(std::move(*canonical.other));
  return out;
}

imap::NameEncoding encoding_of(const MailboxUse& use, const imap::MailboxNaming& naming) noexcept {
  return use.utf8 ? imap::NameEncoding::Utf8 : naming.encoding();
}

// DELETE and RENAME reach what is below the name (RFC 9051 §6.3.6; servers differ), a subtree is all of it.
bool reaches_below(MailboxRole role, Verb verb) noexcept {
  return role == MailboxRole::Subtree || verb == Verb::Delete || verb == Verb::Rename;
}

// LIST's arguments are no names, and what they find is not hidden (protocol.md §4).
bool names_a_mailbox(const MailboxUse& use) noexcept {
  if (use.role == MailboxRole::Reference || use.role == MailboxRole::Pattern) return false;
  return !use.name.empty() || use.role == MailboxRole::Subtree;
}

void add_subjects(const MailboxUse& use, Verb verb, const imap::MailboxNaming& naming,
                  std::vector<Subject>& out) {
  if (!names_a_mailbox(use)) return;
  if (is_ambiguous(use.name, naming)) {
    out.push_back({Kind::Unknown, {}, {}});
    return;
  }
  for (const std::string& name : readings_of(use.name, encoding_of(use, naming), naming)) {
    if (!name.empty()) out.push_back(subject_of(Kind::Name, name));
    if (reaches_below(use.role, verb)) out.push_back(subject_of(Kind::Below, name));
  }
}

bool is_at_or_under(Octets name, Octets top) noexcept {
  return name.starts_with(top) && (name.size() == top.size() || name[top.size()] == '/');
}

}  // namespace

// --- around login ------------------------------------------------------------------------------------------

Decision CommandRules::without_mailbox(Verb verb, const RuleSet& set, const Context& context) const {
  Judged judged;
  judged.traits.verb = verb;
  judged.effect.classes = judged.traits.classes = imap::row_of(verb).effects;
  const RuleSet mailbox = policy_->matching(set, {});
  Outcome outcome;
  weigh(judged, policy_->scope(set, verb), &mailbox, context, outcome);
  return outcome.decision;
}

// What is about mailboxes does nothing to a login, and is not told of as if it had.
Decision CommandRules::on_login(Verb verb, const Context& context) {
  Decision decision = without_mailbox(verb, policy_->settle(context, Moment::Login), context);
  for (std::int32_t* hit : {&decision.rules.decided, &decision.rules.observed}) {
    if (*hit == RuleHits::kNone) continue;
    const RuleAction action = policy_->rule(static_cast<std::size_t>(*hit)).action;
    if (action == RuleAction::ReadOnly || action == RuleAction::Organise) *hit = RuleHits::kNone;
  }
  return decision;
}

Decision CommandRules::before_login(const imap::Command& command, const Context& context) const {
  if (!is_judged_by_name_only(command.verb) || !policy_->applies_to(command.verb)) return Decision::pass();
  return without_mailbox(command.verb, policy_->settle(context, Moment::BeforeLogin), context);
}

Needs CommandRules::on_logged_in(const Context& context) {
  settled_ = true;
  selected_.reset();
  append_.reset();
  rules_ = policy_->settle(context, Moment::LoggedIn);
  if (is_empty(rules_)) rules_ = {};
  restriction_ = policy_->first_restriction(rules_);
  const bool organise = policy_->holds(rules_, RuleAction::Organise);
  return {organise || policy_->asks_for_mailbox(rules_), organise};
}

// --- commands ----------------------------------------------------------------------------------------------

Decision CommandRules::on_command(imap::Command& command, const Context& context) {
  if (!context.logged_in) return before_login(command, context);
  if (!settled_) on_logged_in(context);
  if (rules_.empty()) return Decision::pass();
  if (command.piece == imap::Piece::Later) return judge_part(command, context);
  append_.reset();
  const RuleSet scope = policy_->scope(rules_, command.verb);
  const bool refused_unseen = command.verb == Verb::Unknown && restriction_ != RuleHits::kNone;
  if (is_empty(scope) && !refused_unseen) return Decision::pass();
  return judge_head(command, scope, context);
}

Decision CommandRules::judge_head(const imap::Command& command, const RuleSet& scope,
                                  const Context& context) {
  Judged judged;
  judged.effect = imap::effect_of(command, selected_is_read_only(context));
  judged.uses = imap::mailboxes_of(command);
  judged.traits.verb = command.verb;
  judged.traits.understood = judged.uses.complete;
  if (command.verb == Verb::Unknown) judged.name = to_upper(command.name);
  for (const MailboxUse& use : judged.uses.named)
    add_subjects(use, command.verb, context.naming, judged.subjects);
  if (command.body) {
    append_ = std::make_unique<Append>();
    append_->verb = command.verb;
    append_->understood = judged.uses.complete && judged.effect.complete;
    append_->selected = judged.uses.selected;
    append_->subjects = judged.subjects;
    append_->reader.begin(command);
  }
  Decision decision = judge(std::move(judged), scope, context);
  const bool known = command.verb != Verb::Unknown || restriction_ == RuleHits::kNone;
  const std::int32_t decided = decision.rules.decided;
  const bool named = decided != RuleHits::kNone &&
                     policy_->rule(static_cast<std::size_t>(decided)).action == RuleAction::Allow;
  if (known || named || decision.ruling == Ruling::Close) return decision;
  // What it does is known to nobody, so no restriction is kept while it passes.
  Decision refused = Decision::deny(ErrorCode::Cannot, "CANNOT");
  refused.rules = decision.rules;
  if (decided == RuleHits::kNone) refused.rules.decided = restriction_;
  return refused;
}

// What was said of the command's mailboxes at its head holds for each of its messages.
Decision CommandRules::judge_part(const imap::Command& part, const Context& context) {
  if (!append_) return Decision::pass();  // no rule concerns the verb
  Judged judged;
  judged.effect = append_->reader.next(part);
  judged.uses = imap::mailboxes_of(part);
  judged.uses.selected = judged.uses.selected || append_->selected;
  judged.traits.verb = append_->verb;
  judged.traits.understood = judged.uses.complete && append_->understood;
  judged.subjects = append_->subjects;
  for (const MailboxUse& use : judged.uses.named)
    add_subjects(use, append_->verb, context.naming, judged.subjects);
  return judge(std::move(judged), policy_->scope(rules_, append_->verb), context);
}

Decision CommandRules::judge(Judged judged, const RuleSet& scope, const Context& context) {
  judged.traits.name = judged.name;
  judged.traits.classes = judged.effect.classes;
  judged.traits.flags = &judged.effect.flags;
  judged.traits.effect_known = judged.effect.complete;
  judged.traits.understood = judged.traits.understood && judged.effect.complete;
  Outcome outcome;
  if (!policy_->asks_for_mailbox(scope)) {
    weigh(judged, scope, nullptr, context, outcome);
    return outcome.decision;
  }
  const auto weigh_subject = [&](const Subject& subject) {
    const RuleSet mailbox = policy_->matching(scope, subject);
    outcome.subject = &subject;
    weigh(judged, scope, &mailbox, context, outcome);
  };
  for (const Subject& subject : judged.subjects) weigh_subject(subject);
  refresh_selected(context);
  outcome.subject = nullptr;
  outcome.selected = true;
  if (judged.uses.selected && selected_)
    for (const RuleSet& mailbox : selected_->matching) weigh(judged, scope, &mailbox, context, outcome);
  outcome.selected = false;
  if (!judged.uses.complete) weigh_subject({Kind::Unknown, {}, {}});
  // Who destroys something that has no name could destroy anything: SETQUOTA, SETMETADATA "".
  if (outcome.strictness < 0) weigh_subject({destroys(judged.effect) ? Kind::Unknown : Kind::None, {}, {}});
  return outcome.decision;
}

// One more mailbox: the strictest outcome stays.
void CommandRules::weigh(const Judged& judged, const RuleSet& scope, const RuleSet* mailbox,
                         const Context& context, Outcome& outcome) const {
  const RuleHits hits = policy_->first_match(scope, judged.traits, mailbox);
  std::int32_t observed = outcome.decision.rules.observed;
  if (observed == RuleHits::kNone || (hits.observed != RuleHits::kNone && hits.observed < observed))
    observed = hits.observed;
  Decision decision;
  int strictness = 0;
  if (hits.decided != RuleHits::kNone) {
    const Rule& rule = policy_->rule(static_cast<std::size_t>(hits.decided));
    decision = apply(rule, judged, context);
    strictness = 1 + strictness_of(decision, rule.action);
  }
  decision.rules = hits;
  if (watcher_) watcher_({outcome.subject, outcome.selected, decision});
  if (strictness > outcome.strictness) {
    outcome.decision = std::move(decision);
    outcome.strictness = strictness;
  }
  outcome.decision.rules.observed = observed;
}

// --- what an action means for a command (protocol.md §6) ---------------------------------------------------

Decision CommandRules::apply(const Rule& rule, const Judged& judged, const Context& context) const {
  const bool is_close = judged.traits.verb == Verb::Close;
  const auto deny = [&] { return Decision::deny(ErrorCode::NoPermission, "NOPERM", rule.reply); };
  const auto close_without_expunge = [&] {
    return selected_is_read_only(context) ? Decision::pass() : Decision::rewrite(Rewriting::KeepMail);
  };
  switch (rule.action) {
    case RuleAction::Allow:
      return Decision::pass();
    case RuleAction::Disconnect: {
      Decision decision = Decision::close(ErrorCode::PolicyClose);
      decision.text = rule.reply;
      return decision;
    }
    case RuleAction::Deny: {
      // A client that may not delete may leave its mailbox all the same.
      const bool named = std::any_of(rule.when.commands.begin(), rule.when.commands.end(),
                                     [](const auto& one) { return !one.negated && one.text == "CLOSE"; });
      return is_close && !rule.when.classes.empty() && !named ? close_without_expunge() : deny();
    }
    case RuleAction::ReadOnly:
      if (judged.traits.verb == Verb::Select) return Decision::rewrite(Rewriting::Examine);
      if (is_close) return close_without_expunge();
      return changes(judged.effect) ? deny() : Decision::pass();
    case RuleAction::Organise:
      if (is_close) return close_without_expunge();
      return !destroys(judged.effect) || organises(judged, context) ? Decision::pass() : deny();
  }
  return deny();
}

// A MOVE or RENAME after which the mail is still somewhere where nothing empties it.
bool CommandRules::organises(const Judged& judged, const Context& context) const {
  const Verb verb = judged.traits.verb;
  if ((verb != Verb::Move && verb != Verb::Rename) || !judged.traits.understood) return false;
  if (policy_->trash().empty() && (context.special == nullptr || !context.special->known)) return false;
  bool has_target = false;
  for (const MailboxUse& use : judged.uses.named) {
    if (is_ambiguous(use.name, context.naming)) return false;
    if (use.role == MailboxRole::Target && is_trash(use, context)) return false;
    // INBOX is emptied by it, and not renamed (RFC 9051 §6.3.6).
    if (use.role == MailboxRole::Source)
      for (const std::string& name : readings_of(use.name, encoding_of(use, context.naming), context.naming))
        if (equals_ignoring_case(name, "INBOX")) return false;
    has_target = has_target || use.role == MailboxRole::Target;
  }
  return has_target;
}

// At or under it, whatever the case; with or without the INBOX under which some servers keep all folders.
bool CommandRules::is_trash(const MailboxUse& use, const Context& context) const {
  constexpr Octets kUnderInbox = "inbox/";
  std::vector<std::string> trash = policy_->trash();
  if (context.special != nullptr)
    for (const std::string& listed : context.special->trash)
      for (const std::string& name : readings_of(listed, context.naming.encoding(), context.naming))
        trash.push_back(imap::folded_name(name));
  for (const std::string& name : readings_of(use.name, encoding_of(use, context.naming), context.naming)) {
    const std::string folded = imap::folded_name(name);
    Octets inner = folded;
    if (inner.starts_with(kUnderInbox)) inner.remove_prefix(kUnderInbox.size());
    for (const std::string& top : trash)
      if (is_at_or_under(folded, top) || is_at_or_under(inner, top)) return true;
  }
  return false;
}

// --- the selected mailbox ----------------------------------------------------------------------------------

void CommandRules::refresh_selected(const Context& context) {
  if (context.selected == nullptr) return selected_.reset();
  const imap::MailboxNaming& naming = context.naming;
  const bool same = selected_ && selected_->name == context.selected->name &&
                    selected_->separator_known == naming.knows_separator();
  if (same && selected_->encoding == naming.encoding()) return;
  // Where only the encoding has changed, nobody knows under which one it was opened: both are judged.
  if (!same) {
    selected_ = std::make_unique<Selected>();
    selected_->name = context.selected->name;
    selected_->separator_known = naming.knows_separator();
  }
  selected_->encoding = naming.encoding();
  std::vector<Subject> subjects;
  const MailboxUse use{MailboxRole::Opened, context.selected->name, false};
  add_subjects(use, Verb::Select, naming, subjects);
  for (const Subject& subject : subjects) selected_->matching.push_back(policy_->matching(rules_, subject));
}

}  // namespace postern::filters
