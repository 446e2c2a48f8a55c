// Relaying, the client's half: every command is framed, judged by the filter chain, and written upstream
// (protocol.md §3). Nothing is forwarded that was not judged, and no {n+} ever is.
#include <algorithm>
#include <utility>

#include "imap/arguments.h"
#include "imap/command_mailboxes.h"
#include "imap/writer.h"
#include "session/login/identity.h"
#include "session/relaying/judging.h"
#include "session/relaying/relaying.h"

namespace postern::session {

void Relaying::client_command(imap::CommandEvent event) {
  using imap::CommandEvent;
  switch (event) {
    case CommandEvent::NeedMore:
      return;
    case CommandEvent::Head:
      ++core_.turn;
      ++core_.commands;
      return take_command(core_.client_scanner.command());
    case CommandEvent::ArgumentLiteral:
      return argument_literal();
    case CommandEvent::Body:
      core_.emit(Side::Upstream, core_.client_scanner.octets());
      return;
    case CommandEvent::Part:
      return judge_part(core_.client_scanner.command());
    case CommandEvent::End:
      if (!core_.client_scanner.command().text.empty()) return judge_part(core_.client_scanner.command());
      return send_part(core_.client_scanner.command());
    case CommandEvent::Swallowed:
      if (!core_.swallow_answer.empty()) add_answer(std::exchange(core_.swallow_answer, {}));
      return;
    case CommandEvent::Malformed:
      return malformed();
    case CommandEvent::Line:
      return;  // only next_line() gives it
  }
}

// The gateway asks for argument literals itself: it has to see the whole head before anything goes upstream.
void Relaying::argument_literal() {
  const imap::Command& command = core_.client_scanner.command();
  const bool in_part = command.piece == imap::Piece::Later;
  if (core_.client_scanner.argument_is_too_large()) {
    const Octets answer = " NO [TOOBIG] Literal too large\r\n";
    if (in_part) return abort_append(answer, ErrorCode::LiteralTooLarge);
    return swallow(std::string(command.tag).append(answer));
  }
  if (const auto* own = own_refusal(command, core_.settings())) return refuse_own(command, *own);
  if (!in_part) return add_answer("+ OK\r\n");
  core_.pending.add_ahead("+ OK\r\n");  // the command itself is at the upstream already
  flush_answers();
}

void Relaying::malformed() {
  if (!core_.client_scanner.certain()) return core_.client_fault(core_.client_scanner.error());
  const Octets tag = core_.client_scanner.command().tag;
  // The DONE of an IDLE that the upstream has ended or refused meanwhile (protocol.md §3).
  if (std::exchange(stray_done_, false) && equals_ignoring_case(tag, "DONE")) return;
  std::string answer(tag.empty() ? Octets("*") : tag);
  core_.cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
  core_.count(imap::Verb::Unknown, telemetry::CommandResult::Bad);
  add_answer(answer.append(" BAD Malformed command\r\n"));
}

void Relaying::take_command(imap::Command& command) {
  stray_done_ = false;
  telling_.expect(std::nullopt);
  if (must_wait(command)) return park(command, ParkedFor::Others);
  decide(command);
}

// Two commands with one tag: their completions could not be told apart, so the second one waits. And a "+"
// names no command: what needs one goes when nothing else is under way, so that no stray "+" can set a
// literal free.
bool Relaying::must_wait(const imap::Command& command) const noexcept {
  const bool needs_plus = command.body || !command.literals.empty() || imap::needs_plus(command.verb);
  return core_.pending.uses(command.tag) || (needs_plus && core_.pending.at_upstream());
}

void Relaying::decide(imap::Command& command) {
  const filters::Context known = context();
  const Judgement judgement = judge(core_.chain, command, known, core_.settings());
  if (judgement.own) return refuse_own(command, *judgement.own);
  const bool granted = std::exchange(held_was_granted_, false);
  const filters::Decision& decision = judgement.decision;
  telling_.decided(decision, command.verb, known, &command);
  switch (decision.ruling) {
    case filters::Ruling::Pass:
    case filters::Ruling::Rewrite:
      if (command.verb == imap::Verb::Id) {
        telling_.client_id(command.args);
        if (answers_id(command)) return;
      }
      return record_and_forward(command, decision, granted);
    case filters::Ruling::Deny: {
      core_.chain.on_verdict(command, {false, decision.code}, context());
      core_.count(command.verb, telemetry::CommandResult::Denied);
      return refuse(command, std::string(command.tag).append(" ").append(decision.answer()).append("\r\n"));
    }
    case filters::Ruling::Hold:
      core_.ask(asked::Record{});
      return park(command, ParkedFor::Answer);
    case filters::Ruling::Delay:
      return park(command, ParkedFor::Turn, decision.until);
    case filters::Ruling::Ask:
      park(command, ParkedFor::Count);
      return errands_.count(*decision.question);
    case filters::Ruling::Close:
      core_.chain.on_verdict(command, {false, decision.code}, context());
      core_.count(command.verb, telemetry::CommandResult::Denied);
      // The client learns first what was done.
      return core_.ending.dismiss(decision.code, decision.text);
  }
}

void Relaying::refuse_own(const imap::Command& command, const OwnRefusal& refusal) {
  if (refusal.too_large)
    core_.cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::LiteralTooLarge)].add();
  if (refusal.ends) return core_.end(ErrorCode::LiteralTooLarge, "TOOBIG");
  const std::string answer = " " + answer_of(refusal) + "\r\n";
  if (command.piece == imap::Piece::Later) return abort_append(answer, ErrorCode::LiteralTooLarge);
  core_.count(command.verb, refusal.result);
  refuse(command, std::string(command.tag) + answer);
}

// By rewrite.id, and where the upstream has none. False: it goes there.
bool Relaying::answers_id(const imap::Command& command) {
  const config::IdPolicy policy = core_.settings().rewrite.id;
  const bool well_formed = imap::is_id_argument(command.args);
  if (well_formed && policy == config::IdPolicy::Pass && errands_.has_id()) return false;
  core_.count(command.verb, well_formed ? telemetry::CommandResult::Ok : telemetry::CommandResult::Bad);
  std::string answer = well_formed ? id_answer(policy, core_.env.version) : std::string();
  answer.append(command.tag).append(well_formed ? " OK ID completed\r\n" : " BAD Invalid ID parameters\r\n");
  refuse(command, std::move(answer));
  return true;
}

// Each behind a blank, those that a client is not told of left out.
ShownWords Relaying::shown_words(Octets words) const {
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
bool Relaying::edit_enable(imap::Command& command, std::string& rewritten) {
  if (!command.literals.empty()) return false;  // a capability is an atom
  const ShownWords shown = shown_words(command.args);
  if (shown.cut && !shown.words.empty())
    command.text = rewritten.assign(command.tag).append(" ENABLE").append(shown.words);
  return !shown.words.empty() || !shown.cut;
}

// How the filters want it changed. False: nothing of it goes upstream as it is.
bool Relaying::rewrite(imap::Command& command, filters::Rewriting rewriting, std::string& rewritten) {
  if (rewriting == filters::Rewriting::None) return true;
  if (rewriting == filters::Rewriting::KeepMail && !errands_.abilities().unselect) {
    if (selected_) {
      errands_.leave(command.tag, selected_->name);
    } else {
      core_.count(command.verb, telemetry::CommandResult::Bad);
      add_answer(std::string(command.tag).append(" BAD No mailbox is selected\r\n"));
    }
    return false;
  }
  imap::rename_verb(command, rewriting == filters::Rewriting::Examine ? "EXAMINE" : "UNSELECT", rewritten);
  return true;
}

// Everything behind the filters' judgement: forwarded at once, or when the trail has it.
void Relaying::record_and_forward(imap::Command& command, const filters::Decision& decision, bool held) {
  if (!telling_.records_commands()) return forward(command, decision.rewriting, held, nullptr);
  Telling::Ahead ahead = telling_.before(command, decision, context());
  if (ahead.waits) return park(command, ParkedFor::Answer);
  forward(command, decision.rewriting, held, std::move(ahead.audited));
}

void Relaying::forward(imap::Command& command, filters::Rewriting rewriting, bool held,
                       std::unique_ptr<AuditedCommand> audited) {
  std::string rewritten;
  if (command.verb == imap::Verb::Enable && !edit_enable(command, rewritten)) {
    core_.chain.on_verdict(command, {}, context());
    core_.count(command.verb, telemetry::CommandResult::Ok);
    if (audited) telling_.outcome(*audited, audit::CommandResult::None);
    std::string answer = "* ENABLED\r\n";
    return refuse(command, answer.append(command.tag).append(" OK ENABLE completed\r\n"));
  }
  if (command.verb == imap::Verb::Id && !core_.env.facts.trusted) cut_proxy_fields(command, rewritten);
  core_.chain.on_verdict(command, {true, ErrorCode::Ok}, context());
  if (!rewrite(command, rewriting, rewritten)) {
    if (errands_.under_way()) {
      errands_.record(std::move(audited));
    } else if (audited) {
      telling_.outcome(*audited, audit::CommandResult::None);
    }
    return;
  }
  if (command.verb == imap::Verb::Select || command.verb == imap::Verb::Examine) {
    auto uses = imap::mailboxes_of(command);
    opening_ = uses.named.empty() ? std::string() : std::move(uses.named.front().name);
  }
  const bool barrier = held || is_barrier(command.verb);
  telling_.forwarding(audited.get());
  core_.pending.add(Pending::client(command.tag, command.verb, barrier, std::move(audited)));
  if (command.verb == imap::Verb::Idle) idle_ = IdleState::Waiting;
  if (!command.literals.empty() || command.body) {
    const bool synchronising = !command.body || command.body->synchronising;
    return send(std::string(command.tag), imap::write_command(command), command.body.has_value(),
                synchronising);
  }
  // The common case leaves from where it was read, line end included.
  if (core_.leg(Side::Client).lends_line_end(command.text))
    return core_.emit(Side::Upstream, {command.text.data(), command.text.size() + 2});
  core_.emit(Side::Upstream, command.text);
  core_.emit(Side::Upstream, "\r\n");
}

// Nothing behind it goes upstream before it is done.
bool Relaying::is_barrier(imap::Verb verb) const noexcept {
  const bool removals_count = telling_.records_commands() || core_.settings().limits.deletions.messages > 0;
  return imap::is_barrier(verb) || (removals_count && imap::is_counted_barrier(verb));
}

void Relaying::send(const std::string& tag, imap::Program program, bool body, bool client_waits) {
  core_.emit(Side::Upstream, program.chunks.front());
  if (program.chunks.size() == 1 && !body) return;
  sending_ = std::make_unique<Sending>(tag, std::move(program), body, client_waits);
}

// Behind a message body: the next message of a MULTIAPPEND, the next part of a CATENATE, or the end, which
// may hold whole messages that are made of URLs.
void Relaying::judge_part(imap::Command& part) {
  sending_->stage = Sending::Stage::BetweenParts;
  sending_->client_waits = part.body && part.body->synchronising;
  const filters::Context known = context();
  const Judgement judgement = judge(core_.chain, part, known, core_.settings());
  if (judgement.own) return refuse_own(part, *judgement.own);
  const bool granted = std::exchange(held_was_granted_, false);
  const filters::Decision& decision = judgement.decision;
  telling_.decided(decision, imap::Verb::Append, known, &part);
  switch (decision.ruling) {
    case filters::Ruling::Hold:
      core_.ask(asked::Record{});
      return park(part, ParkedFor::Answer);
    case filters::Ruling::Delay:
      return park(part, ParkedFor::Turn, decision.until);
    case filters::Ruling::Ask:  // nothing can be asked in the middle of a command
      return core_.end(ErrorCode::Internal);
    case filters::Ruling::Close:
      return core_.end_by(decision);
    case filters::Ruling::Deny: {
      core_.chain.on_verdict(part, {false, decision.code}, context());
      return abort_append(" " + decision.answer() + "\r\n", decision.code);
    }
    case filters::Ruling::Pass:
    case filters::Ruling::Rewrite:
      break;
  }
  record_and_pass(part, granted);
}

void Relaying::record_and_pass(imap::Command& part, bool held) {
  AuditedCommand* const append = append_under_way();
  if (append != nullptr && telling_.before_part(part, *append)) return park(part, ParkedFor::Answer);
  pass_part(part, held);
}

void Relaying::pass_part(const imap::Command& part, bool held) {
  core_.chain.on_verdict(part, {true, ErrorCode::Ok}, context());
  if (Pending* pending = core_.pending.find(sending_->tag)) pending->barrier = pending->barrier || held;
  send_part(part);
}

void Relaying::send_part(const imap::Command& part) {
  const std::string tag = sending_->tag;
  imap::Program program = imap::write_part(part);
  const bool body = part.body.has_value();
  const bool synchronising = body && part.body->synchronising;
  if (!body) sending_.reset();
  send(tag, std::move(program), body, synchronising);
  if (sending_) sending_->further = true;
}

// Earlier messages of the same command are at the upstream already: ` {0}` makes it refuse the whole. Where
// that would not be understood only its connection's end does.
void Relaying::abort_append(Octets answer, ErrorCode code) {
  const std::string tag = sending_->tag;
  if (Pending* pending = core_.pending.find(tag)) {
    pending->muted = true;
    if (pending->audited) pending->audited->refused = code;
  }
  if (!core_.client_scanner.is_between_messages()) {
    if (!core_.mid_response) core_.say({tag, answer});
    return core_.end(code);
  }
  sending_ = std::make_unique<Sending>(tag, code);
  core_.emit(Side::Upstream, " {0}\r\n");
  if (core_.client_scanner.at_boundary()) return add_answer(tag + std::string(answer));
  swallow(tag + std::string(answer));
}

// The upstream has refused an APPEND of which a further part was out. Where its parser stands then is not for
// us to guess: nothing else goes there. What the client has to know of the command it learns first.
void Relaying::end_append(ErrorCode aborted) {
  sending_.reset();
  if (!core_.swallow_answer.empty()) add_answer(std::exchange(core_.swallow_answer, {}));
  flush_answers();
  core_.end(aborted == ErrorCode::Ok ? ErrorCode::AppendRefused : aborted);
}

void Relaying::idle_line(imap::CommandEvent event) {
  if (event == imap::CommandEvent::NeedMore) return;
  const bool done =
      event == imap::CommandEvent::Line && equals_ignoring_case(core_.client_scanner.octets(), "DONE");
  if (done) {
    idle_ = IdleState::Ending;
    return core_.emit(Side::Upstream, "DONE\r\n");
  }
  if (event == imap::CommandEvent::Malformed && core_.client_scanner.error() != ErrorCode::LineTooLong)
    return core_.client_fault(core_.client_scanner.error());
  core_.client_fault(ErrorCode::IdleViolation);
}

}  // namespace postern::session
