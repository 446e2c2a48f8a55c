// Driving a session: what came in is judged, what may go out is queued, and one deadline is kept. The rooms
// beside this one hold what happens before login, at login, and while relaying.
#include "session/session.h"

#include <algorithm>
#include <utility>

#include "session/impl.h"

namespace postern::session {
namespace {

static_assert(static_cast<std::size_t>(imap::Verb::kCount) <= telemetry::kCommandSlots);
static_assert(static_cast<std::size_t>(imap::Mechanism::kCount) <= telemetry::kMechanismSlots);

constexpr Instant kNever = Instant::max();
constexpr std::size_t kDoneBytes = 64;  // a line in IDLE: DONE, with room to see what else it is
constexpr std::size_t kExcerptBytes = 16;

}  // namespace

Session::Impl::Impl(Environment environment, filters::Chain chain, Instant now)
    : State(std::move(environment), std::move(chain), now) {
  listener_cells().sessions[index_of(state_)].add();
  leg(Side::Client).set_secret_input(true);
  if (env_.facts.tls == config::ListenerTls::Implicit) {
    phase_clock_.start(now + settings().limits.timeouts.handshake);
  } else {
    greet();
  }
}

Session::Impl::~Impl() {
  chain_.on_end({fault_.code, commands_}, context());
  listener_cells().sessions[index_of(state_)].sub();
}

void Session::Impl::set_state(telemetry::SessionState state) {
  listener_cells().sessions[index_of(state_)].sub();
  state_ = state;
  listener_cells().sessions[index_of(state_)].add();
}

filters::Context Session::Impl::context() const {
  filters::Context context{env_.facts, client_tls_, known_user(), phase_ == Phase::Relaying, naming_};
  context.now = now_;
  context.selected = selected_ ? &*selected_ : nullptr;
  context.upstream = abilities_;
  context.special = special_.get();
  return context;
}

// --- octets in -------------------------------------------------------------------------------------------

void Session::Impl::input(Side side, Octets plain) {
  if (closing_) return;
  (side == Side::Client ? last_client_ : last_upstream_) = now_;
  leg(side).take(plain);
  run();
}

void Session::Impl::run() {
  turn_ = 0;
  process_upstream();
  process_client();
  // What the last events were read from is done with: nothing that may be a credential waits for the next
  // call.
  client_scanner_.release();
  upstream_scanner_.release();
  if (client_end_ && !closing_ && is_served()) end(*client_end_);
  maybe_drain();
}

void Session::Impl::process_client() {
  while (!closing_) {
    const Octets all = leg(Side::Client).next();
    if (all.empty()) return;
    const bool awaits_body_plus =
        sending_ && sending_->body && !sending_->streaming && sending_->body_synchronising;
    const bool holds_body = parked_ && parked_->command().body && parked_->command().body->synchronising;
    if (awaits_body_plus || holds_body) return client_fault(ErrorCode::EarlyLiteral);
    if (turn_ >= kCommandsPerTurn || !can_scan_client()) return;
    Octets in = all;
    if (phase_ == Phase::NotAuthenticated) {
      before_login(client_scanner_.next(in));
    } else if (phase_ == Phase::Authenticating) {
      sasl_line(client_scanner_.next_line(in, settings().limits.sasl));
    } else if (idle_ == IdleState::Active) {
      idle_line(client_scanner_.next_line(in, kDoneBytes));
    } else {
      client_command(client_scanner_.next(in));
    }
    leg(Side::Client).consume(all.size() - in.size());
    if (starttls_asked_) begin_starttls();
  }
}

bool Session::Impl::can_scan_client() const noexcept {
  switch (phase_) {
    case Phase::Handshake:
      return false;
    case Phase::NotAuthenticated:
      return !draining_ && leg(Side::Client).out.size() < settings().limits.buffer;
    case Phase::Authenticating:
      return login_->stage == LoginStage::ClientFirst || login_->stage == LoginStage::ClientTurn;
    case Phase::Relaying:
      break;
  }
  if (idle_ == IdleState::Active) return true;
  if (parked_ || errand_ || farewell_ || leg(Side::Upstream).paused()) return false;
  if (sending_) return sending_->streaming || (sending_->aborting && !client_scanner_.at_boundary());
  if (!client_scanner_.at_boundary()) return true;  // the rest of a command that was begun or refused
  const std::size_t answers = pending_.octets() + leg(Side::Client).out.size();
  return !draining_ && !pending_.has_barrier() && pending_.size() < kCommandsInFlight &&
         answers < settings().limits.buffer;
}

void Session::Impl::process_upstream() {
  while (!closing_ && upstream_open_) {
    const Octets all = leg(Side::Upstream).next();
    if (all.empty()) break;
    if (login_ && login_->stage == LoginStage::Setup) {
      Octets in = all;
      const SetupStep step = login_->setup->input(in);
      leg(Side::Upstream).consume(all.size() - in.size());  // the machine keeps what it needs
      on_setup(step);
      continue;
    }
    Octets in = all;
    const imap::ResponseEvent event = upstream_scanner_.next(in);
    if (phase_ == Phase::Relaying) {
      upstream_response(event);
    } else if (event == imap::ResponseEvent::Malformed) {
      login_broken(upstream_scanner_.error(), "what is no IMAP response");
    } else if (event == imap::ResponseEvent::Head) {
      login_response();
    } else if (event == imap::ResponseEvent::More && login_) {
      keep_untagged();
    }
    if (upstream_open_) leg(Side::Upstream).consume(all.size() - in.size());
    flush_answers();
  }
  if (!closing_ && errand_) run_errand();
  if (!closing_ && farewell_ && !pending_.at_upstream()) return end_by(*farewell_);
  if (!closing_ && parked_ && parked_until_ == kNever && !must_wait(parked_->command())) unpark();
}

// --- octets out ------------------------------------------------------------------------------------------

void Session::Impl::emit(Side side, Octets range) {
  if (range.empty()) return;
  if (lends(range)) {
    leg(side).out.borrow(range);
  } else {
    leg(side).out.own(range);
  }
}

void Session::Impl::say(std::initializer_list<Octets> parts) {
  for (const Octets part : parts) leg(Side::Client).out.own(part);
}

void Session::Impl::keep() {
  for (Leg& leg : legs_) leg.keep(settings().limits.buffer);
  const std::size_t queued = leg(Side::Client).out.size();
  if (queued < client_queue_seen_) last_client_ = now_;  // it reads, so it lives
  client_queue_seen_ = queued;
}

bool Session::Impl::wants_read(Side side) const noexcept {
  if (closing_) return false;
  if (side == Side::Client) return !client_end_ && leg(side).held() == 0 && !leg(Side::Upstream).paused();
  return upstream_open_ && leg(side).held() == 0 && !leg(Side::Client).paused();
}

// --- events ----------------------------------------------------------------------------------------------

void Session::Impl::event(const Event& event) {
  if (closing_) return;
  struct Visitor {
    Impl& self;
    void operator()(const UpstreamConnected& e) const { self.upstream_connected(e); }
    void operator()(const UpstreamFailed& e) const {
      if (!self.login_ || self.login_->stage != LoginStage::Connecting) return;
      const bool throttled = e.code == ErrorCode::LoginThrottled;
      std::string answer = throttled ? "NO [LIMIT] " : "NO [UNAVAILABLE] ";
      self.login_refused(throttled ? telemetry::AuthResult::Denied : telemetry::AuthResult::Temporary, e.code,
                         answer.append(row_of(e.code).client));
    }
    void operator()(const TlsReady& e) const { self.on_tls_ready(e); }
    void operator()(const EndOfFile& e) const { self.on_end_of_file(e); }
    void operator()(const Failed& e) const { self.on_failed(e); }
    void operator()(const Released& e) const { self.released(e); }
    void operator()(const Penalty& e) const { self.login_penalty(e.delay); }
    void operator()(const Refused& e) const { self.end(e.code, "LIMIT"); }
    void operator()(const Drain&) const {
      self.draining_ = true;
      self.drain_until_ = self.now_ + self.settings().limits.timeouts.drain * 4 / 5;
    }
  };
  std::visit(Visitor{*this}, event);
  run();
}

void Session::Impl::on_tls_ready(const TlsReady& ready) {
  if (ready.side == Side::Upstream) {
    if (login_ && login_->setup) on_setup(login_->setup->tls_ready());
    return;
  }
  client_tls_ = ready.facts;
  const filters::Decision decision = chain_.on_tls(context());
  if (decision.ruling != filters::Ruling::Pass) return end_by(decision);
  if (env_.facts.tls == config::ListenerTls::Implicit) return greet();
  // RFC 9051 §6.2.1: no second greeting, and nothing of the clear text phase is remembered.
  phase_ = Phase::NotAuthenticated;
  phase_clock_.start(now_ + settings().limits.timeouts.login);
}

void Session::Impl::on_end_of_file(const EndOfFile& ended) {
  if (ended.side == Side::Upstream)
    return on_upstream_ended(ended.truncated ? ErrorCode::UpstreamTruncated : ErrorCode::UpstreamClosed);
  client_end_ = ended.truncated ? ErrorCode::ClientTruncated : ErrorCode::ClientClosed;
}

// After the client's end: complete commands are still answered (`printf … | openssl s_client`), so this is
// false as long as any can be. What needs octets that will not come is over.
bool Session::Impl::is_served() const noexcept {
  const bool all_read = leg(Side::Client).held() == 0;
  switch (phase_) {
    case Phase::Handshake:
      return true;
    case Phase::NotAuthenticated:
      return all_read;
    case Phase::Authenticating:
      return all_read &&
             (login_->stage == LoginStage::ClientFirst || login_->stage == LoginStage::ClientTurn);
    case Phase::Relaying:
      break;
  }
  if (!all_read && can_scan_client()) return false;
  if (idle_ == IdleState::Active) return true;
  const bool body_missing = sending_ && sending_->body && all_read;
  return !parked_ && !errand_ && pending_.size() <= (body_missing ? 1U : 0U);
}

void Session::Impl::on_failed(const Failed& failed) {
  if (failed.side == Side::Client) {
    passing_.incomplete = true;  // nothing can be said any more
    return end(failed.code);
  }
  on_upstream_ended(failed.code);
}

void Session::Impl::on_upstream_ended(ErrorCode code) {
  if (!upstream_open_) return;
  if (login_ && !login_->credentials_sent) return next_candidate(code);
  if (phase_ != Phase::Relaying) {
    // Nobody's fault: not a word about the password (RFC 5530, UNAVAILABLE).
    if (!login_ || login_->stage == LoginStage::Penalty) return;
    if (login_->stage == LoginStage::AskCapability) return end(code, "UNAVAILABLE");
    std::string answer = "NO [UNAVAILABLE] ";
    return login_refused(telemetry::AuthResult::Temporary, code,
                         answer.append(row_of(ErrorCode::UpstreamDown).client));
  }
  upstream_open_ = false;
  end(bye_seen_ ? ErrorCode::UpstreamBye : code, "UNAVAILABLE");
}

// The process is to end: commands that run are answered, then BYE; IDLE is nothing that runs.
void Session::Impl::maybe_drain() {
  if (!draining_ || closing_) return;
  const bool forced = now_ >= drain_until_;
  const bool running = pending_.at_upstream() && idle_ == IdleState::None;
  const bool busy = passing_.incomplete || running || sending_ || parked_ || errand_ || login_ ||
                    !client_scanner_.at_boundary();
  if (busy && !forced) return;
  end(ErrorCode::Drained, "UNAVAILABLE");
}

// --- deadlines -------------------------------------------------------------------------------------------

Instant Session::Impl::deadline() const noexcept {
  if (closing_) return kNever;
  Instant next = draining_ ? drain_until_ : kNever;
  switch (phase_) {
    case Phase::Handshake:
    case Phase::NotAuthenticated:
      return std::min(next, phase_clock_.until());
    case Phase::Authenticating:
      switch (login_->stage) {
        case LoginStage::ClientFirst:
        case LoginStage::ClientTurn:
          return std::min(next, phase_clock_.until());
        case LoginStage::Connecting:
          return std::min({next, login_->connect_until, login_->upstream_until});
        case LoginStage::Penalty:
          return std::min(next, login_->penalty_until);
        case LoginStage::Setup:
        case LoginStage::Sending:
        case LoginStage::ServerTurn:
        case LoginStage::AskCapability:
          return std::min(next, login_->upstream_until);
      }
      return next;
    case Phase::Relaying:
      if (parked_) next = std::min(next, parked_until_);
      return std::min({next, idle_deadline(), silence_deadline()});
  }
  return next;
}

// RFC 9051 §5.4: at least 30 minutes; and no timer cuts a quiet IDLE or a command that runs, but one that
// reads nothing of what is queued for it is not there.
Instant Session::Impl::idle_deadline() const noexcept {
  const bool reads = leg(Side::Client).out.empty();
  const bool waits_for_us =
      idle_ == IdleState::Waiting || idle_ == IdleState::Active || pending_.at_upstream();
  const bool uploads = sending_ && sending_->streaming;
  return !reads || !waits_for_us || uploads ? last_client_ + settings().limits.timeouts.idle : kNever;
}

Instant Session::Impl::silence_deadline() const noexcept {
  const bool uploads = sending_ && sending_->streaming;  // left standing by its client, not by the upstream
  const bool answer_due = pending_.at_upstream() && idle_ != IdleState::Active && !uploads;
  const bool reads = leg(Side::Client).out.empty();
  return answer_due && reads ? last_upstream_ + settings().limits.timeouts.upstream_silence : kNever;
}

void Session::Impl::tick() {
  if (closing_ || now_ < deadline()) return;
  if (draining_ && now_ >= drain_until_) return maybe_drain();
  switch (phase_) {
    case Phase::Handshake:
      return end(ErrorCode::HandshakeTimeout);
    case Phase::NotAuthenticated:
      return end(ErrorCode::LoginTimeout);
    case Phase::Authenticating:
      break;
    case Phase::Relaying:
      if (parked_ && now_ >= parked_until_) {
        delayed_ ? go_on() : hold_expired();
        return run();
      }
      if (now_ >= idle_deadline()) return end(ErrorCode::IdleTimeout);
      return end(ErrorCode::UpstreamSilent, "UNAVAILABLE");
  }
  switch (login_->stage) {
    case LoginStage::ClientFirst:
    case LoginStage::ClientTurn:
      return end(ErrorCode::LoginTimeout);
    case LoginStage::Connecting:
      if (now_ < login_->upstream_until) return next_candidate(ErrorCode::UpstreamConnectTimeout);
      act(Disconnect{});  // the dial that is under way
      break;
    case LoginStage::Penalty:
      return login_over(), run();
    case LoginStage::AskCapability:
      return end(ErrorCode::UpstreamSilent, "UNAVAILABLE");
    case LoginStage::Setup:  // the time was for all candidates together
    case LoginStage::Sending:
    case LoginStage::ServerTurn:
      break;
  }
  const ErrorCode code = ErrorCode::UpstreamLoginTimeout;
  std::string answer = "NO [UNAVAILABLE] ";
  login_refused(telemetry::AuthResult::Temporary, code, answer.append(row_of(code).client));
  run();
}

// --- ends ------------------------------------------------------------------------------------------------

void Session::Impl::end(ErrorCode code, Octets response_code, Octets text) {
  if (closing_) return;
  if (text.empty()) text = row_of(code).client;
  const bool can_speak = !passing_.incomplete && !bye_seen_ && phase_ != Phase::Handshake;
  if (can_speak && !text.empty()) {
    if (response_code.empty()) {
      say({"* BYE ", text, "\r\n"});
    } else {
      say({"* BYE [", response_code, "] ", text, "\r\n"});
    }
  }
  if (fault_.code == ErrorCode::Ok) fault_.code = code;
  closing_ = true;
  for (Leg& leg : legs_) leg.drop();
  tell_losses(code);
  pending_.clear();
  login_.reset();
  parked_.reset();
  sending_.reset();
  errand_.reset();
  set_state(telemetry::SessionState::Closing);
  act(Close{code, !passing_.incomplete});
}

void Session::Impl::fault(ErrorCode code, Side side, std::string_view expected, Octets excerpt) {
  if (closing_) return;
  fault_ = {code, side, leg(side).read(), expected, std::string(excerpt.substr(0, kExcerptBytes))};
  end(code, code == ErrorCode::LiteralTooLarge ? "TOOBIG" : "");
}

void Session::Impl::client_fault(ErrorCode code) {
  using telemetry::ParseError;
  ParseError reason = ParseError::Syntax;
  if (code == ErrorCode::LineTooLong || code == ErrorCode::SaslTooLong) reason = ParseError::LineTooLong;
  if (code == ErrorCode::LiteralTooLarge) reason = ParseError::LiteralTooLarge;
  cells().side(Side::Client).parse_errors[index_of(reason)].add();
  if (!passing_.incomplete) say({"* BAD ", row_of(code).client, "\r\n"});
  fault(code, Side::Client, "a well-formed command");
}

// --- the public face -------------------------------------------------------------------------------------

Session::Session(Environment environment, filters::Chain chain, Instant now)
    : impl_(std::make_unique<Impl>(std::move(environment), std::move(chain), now)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::input(Side side, Octets plain, Instant now) {
  impl_->now_ = now;
  impl_->input(side, plain);
}
void Session::event(const Event& event, Instant now) {
  impl_->now_ = now;
  impl_->event(event);
}
void Session::tick(Instant now) {
  impl_->now_ = now;
  impl_->tick();
}
void Session::resume(Instant now) {
  impl_->now_ = now;
  impl_->run();
}
void Session::keep() { impl_->keep(); }

std::optional<Action> Session::next_action() {
  auto& actions = impl_->actions_;
  if (actions.empty()) return std::nullopt;
  Action action = std::move(actions.front());
  actions.erase(actions.begin());
  if (actions.empty()) std::vector<Action>().swap(actions);
  return action;
}

Pieces& Session::output(Side side) noexcept { return impl_->leg(side).out; }
bool Session::wants_read(Side side) const noexcept { return impl_->wants_read(side); }
bool Session::has_work() const noexcept {
  const Impl& impl = *impl_;
  return !impl.closing_ && impl.leg(Side::Client).held() > 0 && impl.can_scan_client();
}
std::optional<Instant> Session::deadline() const noexcept {
  const Instant next = impl_->deadline();
  return next == kNever ? std::nullopt : std::optional<Instant>(next);
}
bool Session::closing() const noexcept { return impl_->closing_; }
bool Session::logged_in() const noexcept { return impl_->phase_ == Phase::Relaying; }
bool Session::may_hold_secrets() const noexcept { return impl_->phase_ != Phase::Relaying; }
const std::string& Session::user() const noexcept { return impl_->user_; }
const filters::SessionFacts& Session::facts() const noexcept { return impl_->env_.facts; }
const TlsFacts& Session::client_tls() const noexcept { return impl_->client_tls_; }
const Fault& Session::fault() const noexcept { return impl_->fault_; }
std::string Session::upstream_state() const { return impl_->upstream_state_; }
std::uint64_t Session::commands() const noexcept { return impl_->commands_; }
std::uint64_t Session::next_record() noexcept { return impl_->next_record(); }
std::size_t Session::buffered(Side side) const noexcept {
  return impl_->leg(side).out.size() + impl_->leg(side).held();
}

}  // namespace postern::session
