// What the session asks of the world: dialling, TLS, the Ledger, the log.
#include <string>
#include <utility>
#include <variant>

#include "imap/sasl.h"
#include "relay/relay_impl.h"
#include "tls/engine.h"

namespace postern::net {
namespace {

using telemetry::AuthResult;

const char* outcome_of(const session::PolicyDecision& decision) noexcept {
  if (decision.ruling == filters::Ruling::Close) return "disconnected";
  if (decision.ruling == filters::Ruling::Deny) return "refused";
  return decision.rewriting == filters::Rewriting::Examine ? "examined" : "unselected";
}

}  // namespace

void Relay::Impl::carry_out() {
  while (phase_ == Phase::Open) {
    std::optional<session::Action> action = session_->next_action();
    if (!action) return;
    std::visit([this](auto& what) { act(what); }, *action);
  }
}

void Relay::Impl::act(const session::Connect& connect) {
  if (connect.next && connector_) {
    dial_failed(connect.failed, connect.clock);
    return dial();
  }
  leave_upstream();
  connector_.reset();
  if (!host_.ledger().may_log_in(facts().client_address, connect.user, now_))
    return session_->event(session::UpstreamFailed{ErrorCode::LoginThrottled}, now_);
  connector_ = std::make_unique<Connector>(
      host_.loop(), *this, routes_->candidates(facts(), session_->client_tls(), connect.user));
  dial();
}

// One line ties the proxy's name for the session to this one's, and the client to the proxy that spoke for
// it.
void Relay::Impl::act(const session::ClientKnown& known) {
  host_.log().log(LogLevel::Info, "client known", facts().session_id,
                  {{"client", known.facts.client_address},
                   {"proxy", known.proxy_address},
                   {"proxy_session", known.facts.external_id},
                   {"client_port", std::to_string(known.facts.client_port)}});
  if (audited_) name_client({audited_->local_address, audited_->local_port}, true);
  if (known.facts.client_address == known.proxy_address) return;
  seat_ = host_.ledger().seat_client(known.facts.client_address);
  if (!seat_) session_->event(session::Refused{}, now_);
}

// The next endpoint that this login has not tried, or the news that there is none.
void Relay::Impl::dial() {
  if (connector_->dialled() == 0 && connector_->exhausted()) record_dial(connector_->why());
  while (!connector_->exhausted()) {
    dialled_ = now_;
    connect_unsettled_ = true;
    StreamPtr stream = connector_->dial_next();
    upstream_ = connector_->candidates().upstream;
    endpoint_ = connector_->endpoint().text;
    upstream_tls_ = {};
    leg(Side::Upstream) = Leg{};
    leg(Side::Upstream).transport = Transport(std::move(stream));
    if (leg(Side::Upstream).stream()) return session_->event(session::Dialling{}, now_);
    dial_failed(connector_->why());
  }
  session_->event(session::UpstreamFailed{connector_->why()}, now_);
}

// The endpoint dialled last is of no use: told in the log with the state that was reached, as an operator
// needs it.
void Relay::Impl::dial_failed(ErrorCode code, std::string_view clock) {
  connector_->failed(code);
  const bool too_slow = code == ErrorCode::UpstreamConnectTimeout || code == ErrorCode::UpstreamLoginTimeout;
  if (leg(Side::Upstream).layered() && too_slow)
    handshake_failed(Side::Upstream, telemetry::HandshakeFailure::Timeout, "timeout");
  host_.log().log(row_of(code).level, "upstream failed", facts().session_id,
                  {{"upstream", connector_->candidates().name},
                   {"server", endpoint_},
                   {"reason", std::string(label_of(code))},
                   {"state", session_->upstream_state()},
                   {"clock", std::string(clock)},
                   {"client", facts().client_address},
                   {"client_port", std::to_string(facts().client_port)}});
  settle_connect(code);
  leave_upstream();
}

// A dial that the client did not wait for is nobody's success and nobody's failure.
void Relay::Impl::settle_connect(ErrorCode code) noexcept {
  if (!std::exchange(connect_unsettled_, false)) return;
  if (code == ErrorCode::Ok && !leg(Side::Upstream).connected) return;
  upstream_cells().connects[index_of(result_of(code))].add();
  record_dial(code);
}

void Relay::Impl::act(const session::StartTls& start) {
  Leg& at = leg(start.side);
  if (!at.stream() || !at.connected || at.layered()) return;
  // What was said in clear stands before the first octet of TLS, even if the kernel is full.
  if (!at.transport.broken()) write_plain(start.side, true);
  start_engine(start.side);
  if (!at.layered()) return;
  at.transport.start(gather_for(start.side));
  flush_gather();
}

void Relay::Impl::start_engine(Side side) {
  std::unique_ptr<tls::TlsEngine> engine;
  if (side == Side::Client && server_context_) engine = tls::TlsEngine::accept(server_context_);
  if (side == Side::Upstream && connector_->candidates().context)
    engine = tls::TlsEngine::connect(connector_->candidates().context, connector_->endpoint().server_name);
  if (!engine) return session_->event(session::Failed{side, ErrorCode::Internal}, now_);
  engine->cleanse_plaintext(true);
  leg(side).transport.put(std::move(engine));
  leg(side).handshake_started = now_;
}

void Relay::Impl::act(session::Ask& ask) {
  auto* const record = std::get_if<asked::Record>(&ask.question);
  if (record != nullptr && record->intent) record->intent->connection = audited_;
  auto answer = host_.services().ask(*this, ask.id, std::move(ask.question));
  if (answer) session_->event(session::Answered{ask.id, std::move(*answer)}, now_);
}

void Relay::Impl::answered(std::uint64_t id, asked::Answer answer) noexcept {
  if (phase_ != Phase::Open) return;
  stamp();
  session_->event(session::Answered{id, std::move(answer)}, now_);
  pump(true);
}

void Relay::Impl::act(session::Forget& forget) {
  if (forget.instead) forget.instead->connection = audited_;
  host_.services().forget(*this, forget.id, std::move(forget.instead));
}

void Relay::Impl::act(session::Recorded& recorded) {
  recorded.record->connection = audited_;
  if (AuditTrail* const trail = host_.audit()) trail->write(std::move(recorded.record), recorded.room);
}

void Relay::Impl::act(const session::PolicyDecision& decision) {
  const auto line = [&](std::int32_t index, bool observed) {
    const config::Rule* rule =
        index == filters::RuleHits::kNone ? nullptr : &settings_->rules[static_cast<std::size_t>(index)];
    const char* const outcome = observed ? "passed" : outcome_of(decision);
    record_decision(decision, rule, observed, outcome);
    host_.log().log(LogLevel::Info, "policy", facts().session_id,
                    {{"client", facts().client_address},
                     {"user", decision.user},
                     {"rule", rule == nullptr ? std::string() : rule->name},
                     {"place", rule == nullptr ? std::string() : config::place_text(rule->mark)},
                     {"mode", observed ? "observe" : "enforce"},
                     {"action", rule == nullptr ? std::string() : std::string(name_of(rule->action))},
                     {"outcome", outcome},
                     {"code", std::string(label_of(observed ? ErrorCode::Ok : decision.code))},
                     {"command", (decision.uid ? "UID " : "") + std::string(imap::name_of(decision.verb))},
                     {"mailbox", decision.mailbox},
                     {"client_port", std::to_string(facts().client_port)}});
  };
  if (decision.rules.observed != filters::RuleHits::kNone) line(decision.rules.observed, true);
  if (decision.ruling != filters::Ruling::Pass) line(decision.rules.decided, false);
}

void Relay::Impl::act(const session::LoginResult& result) {
  // The upstream has answered, or said that it cannot now: either way the dial itself was good.
  const bool was_reached = result.result != AuthResult::Temporary || result.code == ErrorCode::UpstreamDown ||
                           result.code == asked::kSeatTerms.otherwise;
  settle_connect(was_reached ? ErrorCode::Ok : result.code);
  log_login(result);
  record_login(result);
  const std::string& address = facts().client_address;
  if (result.result == AuthResult::Failure)
    session_->event(session::Penalty{host_.ledger().login_failed(address, result.user, now_)}, now_);
  if (result.result != AuthResult::Success) return;
  host_.ledger().login_succeeded(address, result.user, now_);
  connector_.reset();  // an idle session holds no list of servers
  for (Leg& each : legs_) each.transport.cleanse_plaintext(false);
}

// The lines "login failed" and "login refused" are for other programs, too: deploy/fail2ban reads them from
// their beginning up to `code`, and the client stands ahead of all that it can choose.
void Relay::Impl::log_login(const session::LoginResult& result) {
  std::string_view event = "login";
  switch (result.result) {
    case AuthResult::Success:
      break;
    case AuthResult::Failure:
      event = "login failed";
      break;
    case AuthResult::Denied:
      event = "login refused";
      break;
    case AuthResult::Temporary:
    case AuthResult::kCount:
      event = "login unavailable";
  }
  const LogLevel level = result.result == AuthResult::Success ? LogLevel::Info : row_of(result.code).level;
  const TlsFacts& tls = session_->client_tls();
  const bool failed = result.result == AuthResult::Temporary;
  host_.log().log(level, event, facts().session_id,
                  {{"client", facts().client_address},
                   {"user", result.user},
                   {"mechanism", std::string(imap::row_of(result.mechanism).name)},
                   {"code", std::string(label_of(result.code))},
                   {"tls", tls.version()},
                   {"cipher", tls.cipher},
                   {"server", endpoint_},
                   {"state", failed ? session_->upstream_state() : std::string()},
                   {"client_port", std::to_string(facts().client_port)},
                   {"clock", std::string(result.clock)},
                   {"turn", std::string(result.turn)}});
}

void Relay::Impl::act(const session::Disconnect&) { leave_upstream(); }

void Relay::Impl::act(const session::Close& close) {
  phase_ = Phase::Flushing;
  clean_ = close.clean;
  close_at_ = now_ + kFlushTime;
  if (close.reason == ErrorCode::HandshakeTimeout)
    handshake_failed(Side::Client, telemetry::HandshakeFailure::Timeout, "timeout");
  write_out(Side::Upstream);
  const ErrorCode code = session_->fault().code;
  settle_connect(row_of(code).close_reason == CloseReason::UpstreamError ? code : ErrorCode::Ok);
  leave_upstream();
}

}  // namespace postern::net
