#include "session/login/gate.h"

#include <utility>

namespace postern::session {

using telemetry::AuthResult;

void Gate::enter(Phase phase) noexcept {
  phase_ = phase;
  core_.speaks = phase != Phase::Handshake;
}

void Gate::open() {
  core_.leg(Side::Client).set_secret_input(true);
  if (core_.env.facts.tls != config::ListenerTls::Implicit) return greet();
  core_.deadlines.start(Clock::Handshake, core_.now + core_.timeouts().handshake);
}

filters::Context Gate::context() const {
  filters::Context context{core_.env.facts, core_.client_tls, login_ ? login_->user : core_.user, logged_in(),
                           errands_.naming()};
  context.now = core_.now;
  context.upstream = errands_.abilities();
  context.special = errands_.special();
  return context;
}

// --- octets ---------------------------------------------------------------------------------------------

bool Gate::can_scan() const noexcept {
  switch (phase_) {
    case Phase::NotAuthenticated:
      return core_.is_open() && core_.leg(Side::Client).out.size() < core_.settings().limits.buffer;
    case Phase::Authenticating:
      return login_->stage == LoginStage::ClientFirst || login_->stage == LoginStage::ClientTurn;
    case Phase::Handshake:
    case Phase::Relaying:
      break;
  }
  return false;
}

void Gate::client(Octets& in) {
  if (phase_ == Phase::NotAuthenticated) return before_login(core_.client_scanner.next(in));
  sasl_line(core_.client_scanner.next_line(in, core_.settings().limits.sasl));
}

void Gate::consumed() {
  if (starttls_asked_) begin_starttls();
}

bool Gate::is_served() const noexcept {
  const bool all_read = core_.leg(Side::Client).held() == 0;
  return phase_ == Phase::Handshake || (all_read && (phase_ == Phase::NotAuthenticated || can_scan()));
}

void Gate::upstream(Octets& in) {
  if (login_ && login_->stage == LoginStage::Setup) return on_setup(login_->setup->input(in));
  const imap::ResponseEvent event = core_.upstream_scanner.next(in);
  if (event == imap::ResponseEvent::Malformed) {
    login_broken(core_.upstream_scanner.error(), "what is no IMAP response");
  } else if (event == imap::ResponseEvent::Head) {
    login_response();
  } else if (event == imap::ResponseEvent::More && login_) {
    keep_untagged();
  }
}

// --- events ---------------------------------------------------------------------------------------------

void Gate::tls_ready(const TlsReady& ready) {
  if (ready.side == Side::Upstream) {
    if (login_ && login_->setup) on_setup(login_->setup->tls_ready());
    return;
  }
  core_.client_tls = ready.facts;
  const filters::Decision decision = core_.chain.on_tls(context());
  if (decision.ruling != filters::Ruling::Pass) return core_.end_by(decision);
  if (core_.env.facts.tls == config::ListenerTls::Implicit) return greet();
  // RFC 9051 §6.2.1: no second greeting, and nothing of the clear text phase is remembered.
  enter(Phase::NotAuthenticated);
  core_.deadlines.stop(Clock::Handshake);
  core_.deadlines.start(Clock::Login, core_.now + core_.timeouts().login);
}

void Gate::dial_failed(ErrorCode code) {
  if (!login_ || login_->stage != LoginStage::Connecting) return;
  if (code == ErrorCode::LoginThrottled)
    return login_refused(AuthResult::Denied, code, no_answer("LIMIT", row_of(code).client));
  login_refused(AuthResult::Temporary, code, unavailable_answer(code));
}

void Gate::upstream_ended(ErrorCode code) {
  if (login_ && !login_->credentials_sent) return next_candidate(code);
  // Nobody's fault: not a word about the password (RFC 5530, UNAVAILABLE).
  if (!login_ || login_->stage == LoginStage::Penalty) return;
  if (login_->stage == LoginStage::AskCapability) return core_.end(code, "UNAVAILABLE");
  login_refused(AuthResult::Temporary, code, unavailable_answer(ErrorCode::UpstreamDown));
}

void Gate::penalty(Duration delay) {
  if (!login_ || login_->stage != LoginStage::Penalty) return;
  if (delay <= Duration::zero()) return login_over();
  core_.deadlines.start(Clock::Penalty, core_.now + delay);
}

void Gate::strike(Clock clock) {
  if (clock == Clock::UpstreamConnect) return next_candidate(ErrorCode::UpstreamConnectTimeout, clock);
  if (clock == Clock::Penalty) return login_over();
  if (clock == Clock::Parked) {
    const ErrorCode why = asked::kSeatTerms.otherwise;
    return login_refused(AuthResult::Temporary, why, unavailable_answer(why), clock);
  }
  // The client is logged in, and cannot be told so.
  if (login_->stage == LoginStage::AskCapability)
    return core_.end_by(clock, ErrorCode::UpstreamSilent, "UNAVAILABLE");
  if (login_->stage == LoginStage::Connecting) core_.act(Disconnect{});  // the dial that is under way
  const ErrorCode code = ErrorCode::UpstreamLoginTimeout;
  login_refused(AuthResult::Temporary, code, unavailable_answer(code), clock);
}

// --- a seat among the user's sessions -------------------------------------------------------------------

void Gate::ask_seat() {
  if (!core_.chain.wants_seat()) return login_succeeded();
  login_->stage = LoginStage::Seating;
  core_.deadlines.pause(Clock::UpstreamLogin, core_.now);
  core_.ask(asked::Seat{login_->user});
}

void Gate::answered(const asked::Answer& answer) {
  if (!awaits_seat()) return;
  const filters::Decision decision = core_.chain.on_seat(answer.seat, context());
  if (decision.ruling != filters::Ruling::Pass)
    return login_refused(AuthResult::Denied, decision.code, decision.answer());
  core_.deadlines.go_on(Clock::UpstreamLogin, core_.now);
  login_succeeded();
}

void Gate::clear() {
  if (awaits_seat() && core_.awaited != 0) core_.forget();
  login_.reset();
}

}  // namespace postern::session
