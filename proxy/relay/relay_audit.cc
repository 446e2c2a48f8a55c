// What the relay itself leaves in the audit trail: connections, handshakes, logins, decisions. Nothing is
// made that is not selected.
#include <utility>

#include "imap/sasl.h"
#include "relay/relay_impl.h"

namespace postern::net {
namespace {

using audit::Outcome;
using telemetry::AuthResult;

std::string_view mode_of(config::ListenerTls tls) noexcept {
  switch (tls) {
    case config::ListenerTls::Off:
      return "none";
    case config::ListenerTls::Starttls:
      return "starttls";
    case config::ListenerTls::Implicit:
      break;
  }
  return "implicit";
}

Outcome outcome_of(AuthResult result) noexcept {
  switch (result) {
    case AuthResult::Success:
      return Outcome::Success;
    case AuthResult::Failure:
      return Outcome::Failure;
    case AuthResult::Denied:
      return Outcome::Denied;
    case AuthResult::Temporary:
    case AuthResult::kCount:
      break;
  }
  return Outcome::Error;
}

Outcome outcome_of(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::Logout:
    case CloseReason::ClientEof:
    case CloseReason::IdleTimeout:
    case CloseReason::Drain:
      return Outcome::Success;
    case CloseReason::ClientError:
    case CloseReason::AuthTimeout:
    case CloseReason::ProtocolError:
      return Outcome::Failure;
    case CloseReason::Policy:
      return Outcome::Denied;
    case CloseReason::UpstreamEof:
    case CloseReason::UpstreamError:
    case CloseReason::Internal:
    case CloseReason::kCount:
      break;
  }
  return Outcome::Error;
}

}  // namespace

bool Relay::Impl::audits(std::uint16_t bits) const noexcept {
  return audited_ != nullptr && settings_->audit.records(bits);
}

void Relay::Impl::record(Outcome outcome, std::string_view reason, std::string user, audit::Body body) {
  auto record = std::make_unique<audit::Record>();
  record->connection = audited_;
  record->number = session_->next_record();
  record->user = std::move(user);
  record->outcome = outcome;
  record->reason = reason;
  record->body = std::move(body);
  host_.audit()->write(std::move(record), AuditRoom::Ordinary);
}

void Relay::Impl::begin_audit(Peer local, std::string proxy) {
  if (host_.audit() == nullptr || !settings_->audit.on()) return;
  name_client(std::move(local), !proxy.empty());
  if (audits(config::audited::kSession))
    record(Outcome::Success, {}, session_->user(),
           audit::SessionOpen{mode_of(facts().tls), std::move(proxy)});
}

// `local`: of the socket; a proxy's word for what the client connected to goes before it. Records made so far
// keep what they were made with.
void Relay::Impl::name_client(Peer local, bool proxied) {
  const filters::SessionFacts& known = facts();
  if (!known.connected_address.empty()) local = {known.connected_address, known.connected_port};
  audited_ = std::make_shared<audit::Connection>(
      audit::Connection{known.session_id, known.listener, known.client_address, known.client_port,
                        std::move(local.address), local.port, proxied});
}

void Relay::Impl::record_handshake(Side side, const TlsFacts& tls, std::string_view failure) {
  if (!audits(config::audited::kSession)) return;
  audit::TlsHandshake body{side, tls, {}, now_ - leg(side).handshake_started};
  if (!failure.empty()) body.openssl_reason = leg(side).transport.reason();
  record(failure.empty() ? Outcome::Success : Outcome::Failure, failure, session_->user(), std::move(body));
}

void Relay::Impl::record_login(const session::LoginResult& result) {
  ++logins_;
  if (!audits(config::audited::kAuth)) return;
  audit::Auth auth;
  auth.success = result.result == AuthResult::Success;
  const imap::MechanismRow& mechanism = imap::row_of(result.mechanism);
  auth.mechanism = mechanism.name.empty() ? mechanism.label : mechanism.name;
  auth.upstream_code = result.upstream_code;
  auth.cleartext = !session_->client_tls().secure;
  auth.attempt = logins_;
  auth.duration = result.duration;
  const std::string_view reason = auth.success ? std::string_view() : label_of(result.code);
  record(outcome_of(result.result), reason, result.user, std::move(auth));
}

void Relay::Impl::record_dial(ErrorCode code) {
  if (!audits(config::audited::kUpstream)) return;
  audit::Upstream upstream;
  upstream.success = code == ErrorCode::Ok;
  upstream.upstream = connector_->candidates().name;
  upstream.attempt = connector_->dialled();
  if (upstream.attempt > 0) upstream.endpoint = endpoint_;
  upstream.tls = upstream_tls_;
  if (!upstream.success) upstream.state = session_->upstream_state();
  if (upstream.attempt > 0) upstream.duration = (upstream.success ? reached_ : now_) - dialled_;
  const Outcome outcome = upstream.success ? Outcome::Success : Outcome::Error;
  const std::string_view reason = upstream.success ? std::string_view() : label_of(code);
  record(outcome, reason, session_->user(), std::move(upstream));
}

void Relay::Impl::record_decision(const session::PolicyDecision& decision, const config::Rule* rule,
                                  bool observed, std::string_view verdict) {
  if (!audits(config::audited::kPolicy)) return;
  audit::PolicyDecision body;
  if (rule != nullptr) {
    body.rule = rule->name;
    body.place = config::place_text(rule->mark);
    body.action = config::name_of(rule->action);
  }
  body.mode = observed ? "observe" : "enforce";
  body.verdict = verdict;
  body.command = (decision.uid ? "UID " : "") + std::string(imap::name_of(decision.verb));
  body.mailbox = decision.mailbox;
  const bool refused = !observed && decision.code != ErrorCode::Ok;
  record(observed ? Outcome::Success : Outcome::Denied,
         refused ? label_of(decision.code) : std::string_view(), decision.user, std::move(body));
}

void Relay::Impl::record_end(const ErrorRow& why) {
  if (!audits(config::audited::kSession)) return;
  record(outcome_of(why.close_reason), why.label, session_->user(),
         audit::SessionClose{now_ - started_, received_, sent_, session_->commands()});
}

}  // namespace postern::net
