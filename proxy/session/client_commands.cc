// Relaying, the client's half: every command is framed, judged by the filter chain, and written upstream
// (protocol.md §3). Nothing is forwarded that was not judged, and no {n+} ever is.
#include <algorithm>
#include <utility>

#include "imap/arguments.h"
#include "imap/command_mailboxes.h"
#include "imap/writer.h"
#include "session/impl.h"

namespace postern::session {
namespace {

// How long a command may wait for what a filter asked for.
constexpr Duration kHoldFor = std::chrono::seconds(10);

bool is_answered_locally(imap::Verb verb) noexcept {
  using enum imap::Verb;
  return verb == Starttls || verb == Login || verb == Authenticate || verb == Compress ||
         verb == Unauthenticate || verb == Id;
}

}  // namespace

void Session::Impl::client_command(imap::CommandEvent event) {
  using imap::CommandEvent;
  switch (event) {
    case CommandEvent::NeedMore:
      return;
    case CommandEvent::Head:
      ++turn_;
      ++commands_;
      return judge(client_scanner_.command());
    case CommandEvent::ArgumentLiteral:
      return argument_literal();
    case CommandEvent::Body:
      emit(Side::Upstream, client_scanner_.octets());
      return;
    case CommandEvent::Part:
      return judge_part(client_scanner_.command());
    case CommandEvent::End:
      if (!client_scanner_.command().text.empty()) return judge_part(client_scanner_.command());
      return send_part(client_scanner_.command());
    case CommandEvent::Swallowed:
      if (!swallow_answer_.empty()) add_answer(std::exchange(swallow_answer_, {}));
      return;
    case CommandEvent::Malformed:
      return malformed();
    case CommandEvent::Line:
      return;  // only next_line() gives it
  }
}

// The gateway asks for argument literals itself: it has to see the whole head before anything goes upstream.
void Session::Impl::argument_literal() {
  const imap::Command& command = client_scanner_.command();
  const bool in_part = command.tag.empty();
  if (client_scanner_.argument_is_too_large()) {
    const Octets answer = " NO [TOOBIG] Literal too large\r\n";
    if (in_part) return abort_append(answer, ErrorCode::LiteralTooLarge);
    return swallow(std::string(command.tag).append(answer));
  }
  if (answer_locally(command)) return;
  if (!in_part) return add_answer("+ OK\r\n");
  pending_.add_ahead("+ OK\r\n");  // the command itself is at the upstream already
  flush_answers();
}

void Session::Impl::malformed() {
  if (!client_scanner_.certain()) return client_fault(client_scanner_.error());
  const Octets tag = client_scanner_.command().tag;
  // The DONE of an IDLE that the upstream has ended or refused meanwhile (protocol.md §3).
  if (std::exchange(stray_done_, false) && equals_ignoring_case(tag, "DONE")) return;
  std::string answer(tag.empty() ? Octets("*") : tag);
  cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
  count(imap::Verb::Unknown, telemetry::CommandResult::Bad);
  add_answer(answer.append(" BAD Malformed command\r\n"));
}

void Session::Impl::judge(imap::Command& command) {
  stray_done_ = false;
  if (auditing_) auditing_->expected.reset();
  if (must_wait(command)) return park(command, Instant::max());
  decide(command);
}

// Two commands with one tag: their completions could not be told apart, so the second one waits. And a "+"
// names no command: what needs one goes when nothing else is under way, so that no stray "+" can set a
// literal free.
bool Session::Impl::must_wait(const imap::Command& command) const noexcept {
  const bool needs_plus = command.body || !command.literals.empty() || imap::needs_plus(command.verb);
  return pending_.uses(command.tag) || (needs_plus && pending_.at_upstream());
}

void Session::Impl::decide(imap::Command& command) {
  // ID is answered here or passed on, but rules may name it.
  if (is_too_large(command) || (command.verb != imap::Verb::Id && answer_locally(command))) return;
  const bool granted = std::exchange(held_was_granted_, false);
  const filters::Decision decision = chain_.on_command(command, context());
  tell_decision(decision, &command, command.verb);
  switch (decision.ruling) {
    case filters::Ruling::Pass:
    case filters::Ruling::Rewrite:
      if (command.verb == imap::Verb::Id) {
        tell_id(command.args);
        if (answer_locally(command)) return;
      }
      return record_and_forward(command, decision, granted);
    case filters::Ruling::Deny: {
      chain_.on_verdict(command, {false, decision.code}, context());
      count(command.verb, telemetry::CommandResult::Denied);
      return refuse(command, std::string(command.tag).append(" ").append(decision.answer()).append("\r\n"));
    }
    case filters::Ruling::Hold:
      act(Hold{++hold_id_, decision.hold, {}, false});
      return park(command, now_ + kHoldFor);
    case filters::Ruling::Delay:
      return park(command, decision.until, true);
    case filters::Ruling::Ask:
      park(command, now_ + kHoldFor);
      return ask(*decision.question);
    case filters::Ruling::Close:
      chain_.on_verdict(command, {false, decision.code}, context());
      count(command.verb, telemetry::CommandResult::Denied);
      if (!pending_.at_upstream()) return end_by(decision);
      farewell_ = std::make_unique<filters::Decision>(decision);  // the client learns first what was done
      return;
  }
}

// RFC 7888 §5: where LITERAL- was told, a client asks before it sends more. The octets are under way and have
// to be read.
bool Session::Impl::breaks_literal_minus(const imap::Command& command) {
  if (!command.body || command.body->synchronising ||
      command.body->size <= command_limits_of(settings()).unasked)
    return false;
  cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::LiteralTooLarge)].add();
  const Octets answer = " BAD [TOOBIG] Non-synchronising literal too large\r\n";
  if (command.tag.empty()) {
    abort_append(answer, ErrorCode::LiteralTooLarge);
    return true;
  }
  count(command.verb, telemetry::CommandResult::Bad);
  refuse(command, std::string(command.tag).append(answer));
  return true;
}

bool Session::Impl::is_too_large(const imap::Command& command) {
  if (!command.body || command.body->size <= settings().limits.literal) return breaks_literal_minus(command);
  cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::LiteralTooLarge)].add();
  if (!command.body->synchronising) {
    end(ErrorCode::LiteralTooLarge, "TOOBIG");  // its octets are under way: nothing but closing stops them
    return true;
  }
  if (command.tag.empty()) {
    abort_append(" NO [TOOBIG] Message too large\r\n", ErrorCode::LiteralTooLarge);
    return true;
  }
  std::string answer(command.tag);
  count(command.verb, telemetry::CommandResult::No);
  refuse(command, answer.append(" NO [TOOBIG] Message too large\r\n"));
  return true;
}

// What is never forwarded after login (protocol.md §3): another identity, or a channel that cannot be seen
// into.
bool Session::Impl::answer_locally(const imap::Command& command) {
  if (!is_answered_locally(command.verb)) return false;
  std::string answer(command.tag);
  telemetry::CommandResult result = telemetry::CommandResult::Bad;
  switch (command.verb) {
    case imap::Verb::Starttls:
    case imap::Verb::Login:
    case imap::Verb::Authenticate:
      answer += " BAD Already logged in\r\n";
      break;
    case imap::Verb::Compress:
    case imap::Verb::Unauthenticate:
      answer += " NO [CANNOT] Not possible through this server\r\n";
      result = telemetry::CommandResult::No;
      break;
    case imap::Verb::Id: {
      if (!client_scanner_.at_boundary()) return false;  // its literals first
      const config::IdPolicy policy = settings().rewrite.id;
      const bool well_formed = imap::is_id_argument(command.args);
      if (well_formed && policy == config::IdPolicy::Pass && upstream_has_id_) return false;
      if (well_formed) result = telemetry::CommandResult::Ok;
      answer = well_formed ? id_answer(policy, env_.version) + answer + " OK ID completed\r\n"
                           : answer + " BAD Invalid ID parameters\r\n";
      break;
    }
    default:
      return false;
  }
  count(command.verb, result);
  refuse(command, std::move(answer));
  return true;
}

// Each behind a blank, those that a client is not told of left out.
ShownWords Session::Impl::shown_words(Octets words) const {
  ShownWords shown;
  while (!words.empty()) {
    const Octets word = take_word(words);
    if (word.empty()) continue;
    if (is_hidden(word)) {
      shown.cut = true;
    } else {
      shown.words.append(" ").append(word);
    }
  }
  return shown;
}

// Words of ENABLE pass the capability table, the others are cut out. False: none is left.
bool Session::Impl::edit_enable(imap::Command& command, std::string& rewritten) {
  if (!command.literals.empty()) return false;  // a capability is an atom
  const ShownWords shown = shown_words(command.args);
  if (shown.cut && !shown.words.empty())
    command.text = rewritten.assign(command.tag).append(" ENABLE").append(shown.words);
  return !shown.words.empty() || !shown.cut;
}

// How the filters want it changed. False: nothing of it goes upstream as it is.
bool Session::Impl::rewrite(imap::Command& command, filters::Rewriting rewriting, std::string& rewritten) {
  if (rewriting == filters::Rewriting::None) return true;
  if (rewriting == filters::Rewriting::KeepMail && !abilities_.unselect) {
    if (selected_) {
      leave_mailbox(command.tag);
    } else {
      count(command.verb, telemetry::CommandResult::Bad);
      add_answer(std::string(command.tag).append(" BAD No mailbox is selected\r\n"));
    }
    return false;
  }
  imap::rename_verb(command, rewriting == filters::Rewriting::Examine ? "EXAMINE" : "UNSELECT", rewritten);
  return true;
}

// For the metrics and the log: what a rule or a limit has made of a command, once for each.
void Session::Impl::tell_decision(const filters::Decision& decision, const imap::Command* command,
                                  imap::Verb verb) {
  using telemetry::PolicyResult;
  const bool undecided = decision.ruling == filters::Ruling::Hold ||
                         decision.ruling == filters::Ruling::Ask || decision.ruling == filters::Ruling::Delay;
  if (undecided) return;
  const bool refused = decision.ruling == filters::Ruling::Deny || decision.ruling == filters::Ruling::Close;
  const filters::RuleHits& hits = decision.rules;
  const auto add = [&](std::int32_t rule, PolicyResult result) {
    if (rule == filters::RuleHits::kNone || env_.rule_slots == nullptr) return;
    cells().rules[(*env_.rule_slots)[static_cast<std::size_t>(rule)]][index_of(result)].add();
  };
  const bool changed = decision.rewriting != filters::Rewriting::None;
  add(hits.decided, refused ? PolicyResult::Deny : changed ? PolicyResult::Rewrite : PolicyResult::Allow);
  add(hits.observed, PolicyResult::Observe);
  const bool told_as_login = refused && hits.decided == filters::RuleHits::kNone &&
                             (verb == imap::Verb::Login || verb == imap::Verb::Authenticate);
  if (told_as_login || (!refused && !changed && hits.observed == filters::RuleHits::kNone)) return;
  PolicyDecision told{hits, decision.ruling, decision.code, decision.rewriting,
                      verb, false,           known_user(),  {}};
  if (command != nullptr) {
    told.uid = command->uid;
    const imap::MailboxUses uses = imap::mailboxes_of(*command);
    if (!uses.named.empty()) {
      told.mailbox = naming_.canonical(uses.named.back().name).name;
    } else if (uses.selected && selected_) {
      told.mailbox = naming_.canonical(selected_->name).name;
    }
  }
  act(std::move(told));
}

void Session::Impl::forward(imap::Command& command, filters::Rewriting rewriting, bool held,
                            std::unique_ptr<AuditedCommand> told) {
  std::string rewritten;
  if (command.verb == imap::Verb::Enable && !edit_enable(command, rewritten)) {
    chain_.on_verdict(command, {}, context());
    count(command.verb, telemetry::CommandResult::Ok);
    if (told) tell_outcome(*told, audit::CommandResult::None, ErrorCode::Ok);
    std::string answer = "* ENABLED\r\n";
    return refuse(command, answer.append(command.tag).append(" OK ENABLE completed\r\n"));
  }
  if (command.verb == imap::Verb::Id && !env_.facts.trusted) cut_proxy_fields(command, rewritten);
  chain_.on_verdict(command, {true, ErrorCode::Ok}, context());
  if (!rewrite(command, rewriting, rewritten)) {
    if (errand_) {
      errand_->audited = std::move(told);
    } else if (told) {
      tell_outcome(*told, audit::CommandResult::None, ErrorCode::Ok);
    }
    return;
  }
  if (command.verb == imap::Verb::Select || command.verb == imap::Verb::Examine) {
    auto uses = imap::mailboxes_of(command);
    opening_ = uses.named.empty() ? std::string() : std::move(uses.named.front().name);
  }
  if (!pending_.at_upstream())
    last_upstream_ = now_;  // its silence is counted from the first unanswered command
  const bool barrier =
      held || is_barrier(command.verb) || (removals_are_barriers() && is_counted_barrier(command.verb));
  if (auditing_ && pending_.at_upstream()) ++auditing_->overlaps;
  if (told) begin_audited(*told);
  pending_.add({std::string(command.tag), command.verb, false, barrier, false, {}, false, std::move(told)});
  if (command.verb == imap::Verb::Idle) idle_ = IdleState::Waiting;
  if (!command.literals.empty() || command.body) {
    const bool synchronising = !command.body || command.body->synchronising;
    return send(std::string(command.tag), imap::write_command(command), command.body.has_value(),
                synchronising);
  }
  // The common case leaves from where it was read, line end included.
  if (leg(Side::Client).lends_line_end(command.text))
    return emit(Side::Upstream, {command.text.data(), command.text.size() + 2});
  emit(Side::Upstream, command.text);
  emit(Side::Upstream, "\r\n");
}

void Session::Impl::send(const std::string& tag, imap::Program program, bool body, bool body_synchronising) {
  emit(Side::Upstream, program.chunks.front());
  if (program.chunks.size() == 1 && !body) return;
  sending_ = std::make_unique<Sending>();
  sending_->tag = tag;
  sending_->program = std::move(program);
  sending_->body = body;
  sending_->body_synchronising = body_synchronising;
}

// Behind a message body: the next message of a MULTIAPPEND, the next part of a CATENATE, or the end, which
// may hold whole messages that are made of URLs.
void Session::Impl::judge_part(imap::Command& part) {
  sending_->streaming = false;
  sending_->body_synchronising = part.body && part.body->synchronising;
  if (is_too_large(part)) return;
  const bool granted = std::exchange(held_was_granted_, false);
  const filters::Decision decision = chain_.on_command(part, context());
  tell_decision(decision, &part, imap::Verb::Append);
  switch (decision.ruling) {
    case filters::Ruling::Hold:
      act(Hold{++hold_id_, decision.hold, {}, false});
      return park(part, now_ + kHoldFor);
    case filters::Ruling::Delay:
      return park(part, decision.until, true);
    case filters::Ruling::Ask:  // nothing can be asked in the middle of a command
    case filters::Ruling::Close:
      return decision.ruling == filters::Ruling::Ask ? end(ErrorCode::Internal) : end_by(decision);
    case filters::Ruling::Deny: {
      chain_.on_verdict(part, {false, decision.code}, context());
      return abort_append(" " + decision.answer() + "\r\n", decision.code);
    }
    case filters::Ruling::Pass:
    case filters::Ruling::Rewrite:
      break;
  }
  record_and_pass(part, granted);
}

void Session::Impl::pass_part(const imap::Command& part, bool held) {
  chain_.on_verdict(part, {true, ErrorCode::Ok}, context());
  if (Pending* pending = pending_.find(sending_->tag)) pending->barrier = pending->barrier || held;
  send_part(part);
}

void Session::Impl::send_part(const imap::Command& part) {
  const std::string tag = sending_->tag;
  imap::Program program = imap::write_part(part);
  const bool body = part.body.has_value();
  const bool synchronising = body && part.body->synchronising;
  if (!body) sending_.reset();
  send(tag, std::move(program), body, synchronising);
}

// Earlier messages of the same command are at the upstream already: ` {0}` makes it refuse the whole.
void Session::Impl::abort_append(Octets answer, ErrorCode code) {
  const std::string tag = sending_->tag;
  if (Pending* pending = pending_.find(tag)) {
    pending->muted = true;
    if (pending->audited) pending->audited->refused = code;
  }
  sending_ = std::make_unique<Sending>();
  sending_->tag = tag;
  sending_->aborting = true;
  emit(Side::Upstream, " {0}\r\n");
  if (client_scanner_.at_boundary()) return add_answer(tag + std::string(answer));
  swallow(tag + std::string(answer));
}

void Session::Impl::refuse(const imap::Command& command, std::string answer) {
  if (command.body || !client_scanner_.at_boundary()) return swallow(std::move(answer));
  add_answer(std::move(answer));
}

// The rest of the command is consumed unseen, and then answered; at a synchronising literal that is now.
void Session::Impl::swallow(std::string answer) {
  swallow_answer_ = std::move(answer);
  client_scanner_.refuse();
  Octets nothing;
  const imap::CommandEvent event = client_scanner_.next(nothing);
  if (event == imap::CommandEvent::NeedMore) return;
  if (phase_ == Phase::Relaying) return client_command(event);
  before_login(event);
}

void Session::Impl::add_answer(std::string answer) {
  pending_.add({{}, imap::Verb::Unknown, true, false, false, std::move(answer)});
  flush_answers();
}

void Session::Impl::idle_line(imap::CommandEvent event) {
  if (event == imap::CommandEvent::NeedMore) return;
  const bool done =
      event == imap::CommandEvent::Line && equals_ignoring_case(client_scanner_.octets(), "DONE");
  if (done) {
    idle_ = IdleState::Ending;
    last_upstream_ = now_;
    return emit(Side::Upstream, "DONE\r\n");
  }
  if (event == imap::CommandEvent::Malformed && client_scanner_.error() != ErrorCode::LineTooLong)
    return client_fault(client_scanner_.error());
  client_fault(ErrorCode::IdleViolation);
}

void Session::Impl::park(const imap::Command& command, Instant until, bool delayed) {
  parked_ = std::make_unique<ParkedCommand>(command);
  parked_until_ = until;
  delayed_ = delayed;
}

// A command that waited for others to be answered.
void Session::Impl::unpark() {
  const std::unique_ptr<ParkedCommand> parked = std::move(parked_);
  decide(parked->command());
}

// A command that was faster than its limit allows.
void Session::Impl::go_on() {
  const std::unique_ptr<ParkedCommand> parked = std::move(parked_);
  parked_until_ = Instant::max();
  chain_.resume();
  imap::Command& command = parked->command();
  if (command.tag.empty()) return judge_part(command);
  decide(command);
}

void Session::Impl::released(const Released& released) {
  if (!parked_ || delayed_ || released.id != hold_id_ || parked_until_ == Instant::max()) return;
  const std::unique_ptr<ParkedCommand> parked = std::move(parked_);
  parked_until_ = Instant::max();
  imap::Command& command = parked->command();
  const bool for_trail = awaits_trail();
  if (!released.granted) {
    auto record = for_trail ? unforwarded(ErrorCode::AuditUnavailable) : nullptr;
    if (record) act(Recorded{std::move(record), AuditRoom::Ordinary});
    return refuse_held(command, for_trail ? ErrorCode::AuditUnavailable : ErrorCode::HoldExpired);
  }
  if (for_trail) return recorded(command);
  chain_.resume();
  held_was_granted_ = true;
  if (command.tag.empty()) return judge_part(command);
  decide(command);
}

void Session::Impl::hold_expired() {
  const std::unique_ptr<ParkedCommand> parked = std::move(parked_);
  parked_until_ = Instant::max();
  if (awaits_trail()) act(Unhold{hold_id_, unforwarded(ErrorCode::HoldExpired)});
  refuse_held(parked->command(), ErrorCode::HoldExpired);
}

void Session::Impl::refuse_held(imap::Command& command, ErrorCode code) {
  abandon_question();
  chain_.on_verdict(command, {false, code}, context());
  const std::string answer = std::string(" NO [UNAVAILABLE] ").append(row_of(code).client).append("\r\n");
  count(command.verb, telemetry::CommandResult::Denied);
  if (command.tag.empty()) return abort_append(answer, code);
  refuse(command, std::string(command.tag) + answer);
}

void Session::Impl::count(imap::Verb verb, telemetry::CommandResult result) {
  cells().commands[index_of(verb)][index_of(result)].add();
}

}  // namespace postern::session
