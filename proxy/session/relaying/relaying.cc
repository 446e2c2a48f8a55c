#include "session/relaying/relaying.h"

#include <utility>

#include "session/session.h"

namespace postern::session {
namespace {

constexpr std::size_t kDoneBytes = 64;  // a line in IDLE: DONE, with room to see what else it is

}  // namespace

filters::Context Relaying::context() const {
  filters::Context context{core_.env.facts, core_.client_tls, core_.user, true, errands_.naming()};
  context.now = core_.now;
  context.selected = selected_ ? &*selected_ : nullptr;
  context.upstream = errands_.abilities();
  context.special = errands_.special();
  return context;
}

// --- octets ---------------------------------------------------------------------------------------------

bool Relaying::can_scan() const noexcept {
  if (is_dismissed()) return false;
  if (idle_ == IdleState::Active) return true;
  if (parked_ || errands_.under_way() || core_.leg(Side::Upstream).paused()) return false;
  if (sending_)
    return sending_->is_streaming() ||
           (sending_->stage == Sending::Stage::Aborting && !core_.client_scanner.at_boundary());
  if (!core_.client_scanner.at_boundary()) return true;  // the rest of a command that was begun or refused
  const std::size_t answers = core_.pending.octets() + core_.leg(Side::Client).out.size();
  return core_.is_open() && !core_.pending.has_barrier() &&
         core_.pending.size() < Session::kCommandsInFlight && answers < core_.settings().limits.buffer;
}

bool Relaying::is_early() const noexcept {
  if (sending_ && sending_->is_early()) return true;
  return parked_ && parked_->command().body && parked_->command().body->synchronising;
}

void Relaying::client(Octets& in) {
  if (idle_ == IdleState::Active) return idle_line(core_.client_scanner.next_line(in, kDoneBytes));
  client_command(core_.client_scanner.next(in));
}

void Relaying::upstream(Octets& in) { upstream_response(core_.upstream_scanner.next(in)); }

void Relaying::unpark() {
  if (!parked_ || parked_for_ != ParkedFor::Others || must_wait(parked_->command())) return;
  const std::unique_ptr<ParkedCommand> parked = take_parked();
  decide(parked->command());
}

// --- events ---------------------------------------------------------------------------------------------

void Relaying::upstream_ended(ErrorCode code) {
  core_.upstream_open = false;
  core_.end(core_.bye_seen ? ErrorCode::UpstreamBye : code, "UNAVAILABLE");
}

void Relaying::strike(Clock clock) {
  const bool has_its_turn = clock == Clock::Parked && parked_for_ == ParkedFor::Turn;
  has_its_turn ? resume() : hold_expired();
}

void Relaying::clear() {
  // What waits will not go: nothing is charged for it.
  if (parked_) core_.chain.on_verdict(parked_->command(), {false, core_.fault.code}, context());
  parked_.reset();
  sending_.reset();
}

// --- what it waits for ----------------------------------------------------------------------------------

bool Relaying::is_served() const noexcept {
  if (is_dismissed()) return !core_.pending.at_upstream();
  const bool all_read = core_.leg(Side::Client).held() == 0;
  if (!all_read && can_scan()) return false;
  if (idle_ == IdleState::Active) return true;
  const bool body_missing = sending_ && sending_->body && all_read;
  return !parked_ && !errands_.under_way() && core_.pending.size() <= (body_missing ? 1U : 0U);
}

bool Relaying::is_busy() const noexcept {
  const bool running = core_.pending.at_upstream() && idle_ == IdleState::None;
  return running || sending_ || parked_ || errands_.under_way();
}

// Not in IDLE, nor while it waits for the rest of a message, whoever keeps it waiting.
bool Relaying::is_upstreams_turn() const noexcept {
  if (!core_.pending.at_upstream() || idle_ == IdleState::Active) return false;
  return !sending_ || !sending_->is_inside();
}

// Between two commands, in the middle of one, and in a message body; not while anything of its own waits.
bool Relaying::is_clients_turn() const noexcept {
  const bool in_body = sending_ && sending_->is_streaming();
  return !parked_ &&
         (in_body || (core_.pending.empty() && !sending_ && !errands_.under_way() && !is_dismissed()));
}

// Of the command that is on its way upstream in pieces, if it is recorded.
AuditedCommand* Relaying::append_under_way() {
  const Pending* const pending = sending_ ? core_.pending.find(sending_->tag) : nullptr;
  return pending == nullptr ? nullptr : pending->audited.get();
}

// --- what waits -----------------------------------------------------------------------------------------

// `until`: what bounds the wait; none for what has a bound of its own.
void Relaying::park(const imap::Command& command, ParkedFor what, Instant until) {
  parked_ = std::make_unique<ParkedCommand>(command);
  parked_for_ = what;
  if (until != Instant::max()) core_.deadlines.start(Clock::Parked, until);
}

std::unique_ptr<ParkedCommand> Relaying::take_parked() {
  core_.deadlines.stop(Clock::Parked);
  core_.deadlines.stop(Clock::Count);
  return std::move(parked_);
}

// It was faster than its limit allows, or what it waited for is known: the filters behind that go on.
void Relaying::resume() {
  const std::unique_ptr<ParkedCommand> parked = take_parked();
  core_.chain.resume();
  imap::Command& command = parked->command();
  if (command.piece == imap::Piece::Later) return judge_part(command);
  decide(command);
}

void Relaying::answered(const asked::Answer& answer) {
  if (!parked_ || parked_for_ != ParkedFor::Answer) return;
  const bool for_trail = telling_.awaits_trail();
  if (answer.granted && !for_trail) {
    held_was_granted_ = true;
    return resume();
  }
  const std::unique_ptr<ParkedCommand> parked = take_parked();
  imap::Command& command = parked->command();
  if (!answer.granted) {
    auto record = for_trail ? telling_.unforwarded(ErrorCode::AuditUnavailable, append_under_way()) : nullptr;
    if (record) core_.act(Recorded{std::move(record), AuditRoom::Ordinary});
    return refuse_held(command, for_trail ? ErrorCode::AuditUnavailable : ErrorCode::HoldExpired);
  }
  Telling::Granted granted = telling_.granted(append_under_way());
  if (command.piece == imap::Piece::Later) return pass_part(command, true);
  forward(command, granted.rewriting, true, std::move(granted.audited));
}

void Relaying::hold_expired() {
  constexpr ErrorCode kWhy = asked::kRecordTerms.otherwise;
  const std::unique_ptr<ParkedCommand> parked = take_parked();
  if (telling_.awaits_trail()) core_.forget(telling_.unforwarded(kWhy, append_under_way()));
  core_.stop_waiting();
  refuse_held(parked->command(), kWhy);
}

void Relaying::refuse_held(imap::Command& command, ErrorCode code) {
  errands_.abandon_count();
  core_.chain.on_verdict(command, {false, code}, context());
  const std::string answer = " " + unavailable_answer(code) + "\r\n";
  core_.count(command.verb, telemetry::CommandResult::Denied);
  if (command.piece == imap::Piece::Later) return abort_append(answer, code);
  refuse(command, std::string(command.tag) + answer);
}

// The parked command is judged anew by the filter that asked.
void Relaying::counted(const filters::Answer& answer) {
  if (!parked_) return;
  const std::unique_ptr<ParkedCommand> parked = take_parked();
  core_.chain.answer(answer, context());
  telling_.expect(answer.count);
  held_was_granted_ = true;
  decide(parked->command());
}

// A CLOSE that may not expunge: the right to it is gone, or the mailbox is.
void Relaying::left(Errands::Left left) {
  // T: an EXAMINE that is refused by NO leaves nothing selected (protocol.md §3): that is what was wanted.
  if (left.status == imap::Status::No) {
    selected_.reset();
    core_.set_state(telemetry::SessionState::Authenticated);
    core_.count(imap::Verb::Close, telemetry::CommandResult::Ok);
    if (left.audited) telling_.outcome(*left.audited, audit::CommandResult::None);
    return add_answer(left.client_tag + " OK CLOSE completed\r\n");
  }
  if (left.status != imap::Status::Ok || !left.read_only) {
    if (left.audited)
      telling_.outcome(*left.audited, audit::CommandResult::None, ErrorCode::UpstreamMalformed);
    return core_.fail(ErrorCode::UpstreamMalformed, Side::Upstream, "[READ-ONLY] to an EXAMINE", {});
  }
  if (selected_) selected_->read_only = true;
  telling_.forwarding(left.audited.get());
  core_.pending.add(Pending::client(left.client_tag, imap::Verb::Close, true, std::move(left.audited)));
  core_.emit(Side::Upstream, left.client_tag);
  core_.emit(Side::Upstream, " CLOSE\r\n");
}

// --- the gateway's own answers --------------------------------------------------------------------------

void Relaying::refuse(const imap::Command& command, std::string answer) {
  if (command.body || !core_.client_scanner.at_boundary()) return swallow(std::move(answer));
  add_answer(std::move(answer));
}

// The rest of the command is consumed unseen, and then answered; at a synchronising literal that is now.
void Relaying::swallow(std::string answer) {
  const imap::CommandEvent event = core_.swallow(std::move(answer));
  if (event != imap::CommandEvent::NeedMore) client_command(event);
}

void Relaying::add_answer(std::string answer) {
  // Behind a question of ours that is not waited for any more the client does not wait, either.
  if (errands_.is_abandoned()) {
    core_.pending.add_ahead(std::move(answer));
  } else {
    core_.pending.add(Pending::of_ours(std::move(answer)));
  }
  flush_answers();
}

void Relaying::flush_answers() {
  if (!core_.pending.has_answer()) return;
  std::string answer;
  while (!core_.mid_response && core_.pending.take_answer(answer)) core_.say({answer});
}

}  // namespace postern::session
