#include "filters/brake.h"

#include <algorithm>
#include <string>
#include <utility>

#include "imap/arguments.h"
#include "imap/command_effect.h"
#include "imap/command_mailboxes.h"
#include "imap/writer.h"

namespace postern::filters {
namespace {

using imap::Verb;

// `by_uid`: the command that is held names UIDs, or no message at all where there are no numbers (RFC 9586).
Question search(const Context& context, bool by_uid, Octets keys) {
  std::string text = by_uid ? "UID SEARCH " : "SEARCH ";
  if (context.upstream.esearch) text += "RETURN (COUNT) ";
  return {Question::Kind::Matches, {text.append(keys)}};
}

bool is_one_argument(Octets args) {
  imap::ArgumentReader reader(args);
  return reader.astring() && reader.at_end();
}

bool is_countable(const Answer& answer) noexcept {
  return answer.status == imap::Status::Ok && answer.count.has_value();
}

bool changes_selection(Verb verb) noexcept {
  return verb == Verb::Select || verb == Verb::Examine || verb == Verb::Close || verb == Verb::Unselect;
}

}  // namespace

Decision Brake::on_command(imap::Command& command, const Context& context) {
  const std::optional<Answer> answer = std::exchange(answer_, std::nullopt);
  if (!context.logged_in || command.piece == imap::Piece::Later || !seat_->user || !seat_->user->brakes())
    return Decision::pass();
  paid_.is_charged = false;
  Plan plan = plan_for(command, context);
  if (!plan.readable) return Decision::deny(ErrorCode::Cannot, "CANNOT");
  if (!answer) answers_ = 0;
  const bool is_stale = answer && is_countable(*answer) && expunges(plan.fate) && answers_ == 1;
  if (plan.question && (!answer || is_stale)) return Decision::ask(std::move(*plan.question));
  if (plan.question) return settle(plan, *answer, context.now);
  return charge(plan.messages, plan.fate, context.now);
}

// What does not go is not paid. Whatever mailbox is selected next, its marks are not those that were paid
// here.
void Brake::on_verdict(const imap::Command& command, const Verdict& verdict, const Context&) noexcept {
  if (paid_.is_charged && !verdict.forwarded) {
    if (paid_.messages > 0) seat_->user->refund(paid_.messages, paid_.at);
    paid_marks_ = paid_.marks_before;
  }
  paid_.is_charged = false;
  if (verdict.forwarded && changes_selection(command.verb)) paid_marks_ = 0;
}

Brake::Plan Brake::plan_for(const imap::Command& command, const Context& context) {
  Plan plan;
  const bool read_only = context.selected != nullptr && context.selected->read_only;
  switch (command.verb) {
    case Verb::Store:
      return plan_for_store(command, context);
    case Verb::Move:
      return plan_for_set(command, context, Fate::Vanish, "");
    case Verb::Expunge:
    case Verb::Close:
      if (read_only || context.rewriting == Rewriting::KeepMail) return plan;
      if (command.uid) return plan_for_set(command, context, Fate::SomeExpunged, " DELETED");
      plan.fate = Fate::AllExpunged;
      plan.question = search(context, context.upstream.uid_only, "DELETED");
      return plan;
    case Verb::Delete:
    case Verb::Rename:
      return plan_for_mailbox(command, context);
    case Verb::Replace:
      plan.messages = 1;
      return plan;
    default:
      return plan;
  }
}

Brake::Plan Brake::plan_for_store(const imap::Command& command, const Context& context) {
  const imap::CommandEffect effect = imap::effect_of(command, false);
  Plan plan;
  plan.readable = effect.complete;
  if (!effect.complete || !effect.marks) return plan;
  if (effect.labels) return plan_for_set(command, context, Fate::Vanish, "");
  return plan_for_set(command, context, Fate::Marked, " UNDELETED");
}

// Of a command whose first argument is a set of messages; UID EXPUNGE's is the only one.
Brake::Plan Brake::plan_for_set(const imap::Command& command, const Context& context, Fate fate, Octets key) {
  const Octets set =
      fate == Fate::SomeExpunged ? command.args : command.args.substr(0, command.args.find(' '));
  Plan plan;
  plan.fate = fate;
  plan.readable = imap::is_sequence_set(set);
  if (plan.readable)
    plan.question = search(context, command.uid, (command.uid ? "UID " : "") + std::string(set).append(key));
  return plan;
}

// Of a RENAME only INBOX's empties a mailbox (RFC 9051 §6.3.6).
Brake::Plan Brake::plan_for_mailbox(const imap::Command& command, const Context& context) {
  Plan plan;
  const imap::MailboxUses uses = imap::mailboxes_of(command);
  plan.readable =
      uses.complete && !uses.named.empty() && (command.verb == Verb::Rename || is_one_argument(command.args));
  if (!plan.readable) return plan;
  const std::string& mailbox = uses.named.front().name;
  if (command.verb == Verb::Rename) {
    const imap::CanonicalName name = context.naming.canonical(mailbox);
    if (name.name != "INBOX" && name.other != "INBOX") return plan;
  }
  Question question{Question::Kind::Messages, {"STATUS "}};
  imap::add_string(question.chunks, mailbox);
  question.chunks.back() += " (MESSAGES)";
  plan.question = std::move(question);
  return plan;
}

Decision Brake::settle(const Plan& plan, const Answer& answer, Instant now) {
  if (is_countable(answer)) return charge(*answer.count, plan.fate, now);
  seat_->user->not_counted();
  return Decision::deny(ErrorCode::BrakeUncounted, "UNAVAILABLE");
}

// What was marked is paid once: EXPUNGE costs what others have marked, or this session before it selected the
// mailbox.
Decision Brake::charge(std::uint64_t messages, Fate fate, Instant now) {
  const std::uint64_t paid = expunges(fate) ? std::min(messages, paid_marks_) : 0;
  if (!seat_->user->charge(messages - paid, now)) return Decision::deny(ErrorCode::Brake, "LIMIT");
  paid_ = {true, messages - paid, now, paid_marks_};
  if (fate == Fate::Marked) paid_marks_ += messages;
  paid_marks_ = fate == Fate::AllExpunged ? 0 : paid_marks_ - paid;
  return Decision::pass();
}

}  // namespace postern::filters
