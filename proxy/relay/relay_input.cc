// From the sockets to the session: TLS taken off, ends and failures told.
#include <algorithm>
#include <utility>

#include "relay/relay_impl.h"

namespace postern::net {
namespace {

using telemetry::HandshakeFailure;

HandshakeFailure failure_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::TlsVersion:
      return HandshakeFailure::Version;
    case ErrorCode::TlsCipher:
      return HandshakeFailure::Cipher;
    case ErrorCode::TlsAlpn:
      return HandshakeFailure::Alpn;
    case ErrorCode::TlsSni:
      return HandshakeFailure::Sni;
    case ErrorCode::TlsClientCertificate:
      return HandshakeFailure::ClientCert;
    case ErrorCode::TlsClientVerify:
    case ErrorCode::UpstreamCertificate:
      return HandshakeFailure::Verify;
    default:
      return HandshakeFailure::Other;
  }
}

ErrorCode reset_of(Side side) noexcept {
  return side == Side::Client ? ErrorCode::ClientReset : ErrorCode::UpstreamReset;
}

}  // namespace

// `plain` lies in scratch().plain.
void Relay::Impl::give(Side side, Octets plain) {
  if (session_->may_hold_secrets()) secret_bytes_ = std::max(secret_bytes_, plain.size());
  bandwidth_.use(plain.size(), settings_->limits.bandwidth_per_session, now_);
  session_->input(side, plain, now_);
}

// One turn: at most scratch().plain full of plaintext. True if there was any progress, so that the caller
// writes what came of it and comes back.
bool Relay::Impl::drive(Side side) {
  Leg& from = leg(side);
  if (!from.layered() || from.tls_end != ReadStatus::Plain || from.end_reported) return false;
  Transport& transport = from.transport;
  const bool has_more = transport.has_input() || from.read_ended;
  from.backlog = has_more && transport.handshaken() && !session_->wants_read(side);
  if (!has_more || from.backlog) return false;
  if (from.read_ended) transport.end_of_file();

  char* const plain = scratch().plain.get();
  CipherBuffer& gather = gather_for(side);
  std::size_t filled = 0;
  ReadResult result{ReadStatus::Plain, 0};
  while (result.status == ReadStatus::Plain && filled < Scratch::kPlainBytes) {
    result = transport.read(plain + filled, Scratch::kPlainBytes - filled, gather);
    filled += result.octets;
    if (result.status == ReadStatus::Plain && !transport.has_input() && !from.read_ended) break;
  }
  if (filled > 0) give(side, {plain, filled});
  switch (result.status) {
    case ReadStatus::Plain:
      return true;
    case ReadStatus::WantInput:
      return filled > 0;
    case ReadStatus::Handshaken:
      handshaken(side);
      return true;
    case ReadStatus::CloseNotify:
    case ReadStatus::Truncated:
    case ReadStatus::Failed:
      from.tls_end = result.status;
      return true;
  }
  return false;
}

void Relay::Impl::handshaken(Side side) {
  Leg& at = leg(side);
  at.handshake_settled = true;
  TlsFacts tls = at.transport.take_facts();
  const bool implicit = side == Side::Client ? facts().tls == config::ListenerTls::Implicit
                                             : connector_->candidates().tls == config::UpstreamTls::Implicit;
  const auto mode = implicit ? telemetry::HandshakeMode::Implicit : telemetry::HandshakeMode::Starttls;
  telemetry::SideCells& cells = side_cells(side);
  cells.handshakes[index_of(mode)][tls.minor & 3][tls.resumed ? 1 : 0].add();
  cells.handshake_duration.observe(now_ - at.handshake_started);
  if (side == Side::Upstream) {
    reached_ = now_;
    upstream_tls_ = tls.version();
  }
  record_handshake(side, tls, {});
  session_->event(session::TlsReady{side, std::move(tls)}, now_);
}

void Relay::Impl::handshake_failed(Side side, HandshakeFailure failure, std::string_view reason) {
  if (leg(side).handshake_settled) return;
  leg(side).handshake_settled = true;
  side_cells(side).handshake_failures[index_of(failure)].add();
  record_handshake(side, {}, reason);
}

// Tells the session, once, that a side has ended: after all that it sent before.
bool Relay::Impl::report_end(Side side) {
  Leg& from = leg(side);
  if (!from.stream() || !from.connected || from.end_reported) return false;
  const bool tls_over = from.tls_end != ReadStatus::Plain;
  const bool read_over = from.layered() ? tls_over : from.read_ended;
  // A side that cannot be written to is read to its end first: an upstream's last words explain why it left.
  const bool deaf = from.transport.broken() && (from.read_ended || !wants_octets(side));
  if (!read_over && !deaf) return false;
  from.end_reported = true;
  session_->event(end_event(side), now_);
  return true;
}

session::Event Relay::Impl::end_event(Side side) {
  const Leg& from = leg(side);
  if (from.tls_end == ReadStatus::Failed) {
    const ErrorCode code = from.transport.error();
    const bool in_handshake = !from.handshake_settled;
    handshake_failed(side, failure_of(code), label_of(code));
    host_.log().log(row_of(code).level, in_handshake ? "tls handshake failed" : "tls failed",
                    facts().session_id,
                    {{"side", name_of(side)},
                     {"client", facts().client_address},
                     {"upstream", side == Side::Upstream ? endpoint_ : std::string()},
                     {"code", std::string(label_of(code))},
                     {"reason", from.transport.reason()},
                     {"client_port", std::to_string(facts().client_port)}});
    return session::Failed{side, code};
  }
  const bool in_handshake = from.layered() && !from.handshake_settled;
  if (in_handshake) {
    handshake_failed(side, HandshakeFailure::Eof, "eof");
    if (side == Side::Upstream) return session::Failed{side, ErrorCode::UpstreamTls};
  }
  if (from.read_error != 0 || from.transport.broken()) return session::Failed{side, reset_of(side)};
  return session::EndOfFile{side, !in_handshake && from.tls_end == ReadStatus::Truncated};
}

}  // namespace postern::net
