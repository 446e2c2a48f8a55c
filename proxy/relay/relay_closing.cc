// How a session's connections end, and the one line that tells of it.
#include <chrono>
#include <string>
#include <utility>

#include "relay/relay_impl.h"

namespace postern::net {
namespace {

std::string milliseconds(Duration duration) { return std::to_string(postern::milliseconds(duration)); }

// The excerpt is the peer's octets as they are: the log escapes what it writes.
std::string fault_text(const session::Fault& fault) {
  if (fault.expected.empty()) return {};
  std::string text = std::string(name_of(fault.side)) + " at " + std::to_string(fault.offset) +
                     ": expected " + std::string(fault.expected);
  if (!fault.excerpt.empty()) text += ", got " + fault.excerpt;
  return text;
}

}  // namespace

// The upstream's connection alone; what the session could not send is not waited for.
void Relay::Impl::leave_upstream() {
  Leg& upstream = leg(Side::Upstream);
  if (!upstream.stream()) return;
  const bool can_write = upstream.connected && !upstream.transport.broken();
  if (upstream.layered() && upstream.transport.handshaken() && can_write &&
      session_->output(Side::Upstream).empty())
    upstream.transport.close_notify(gather_for(Side::Upstream));
  if (gather_side_ == Side::Upstream) flush_gather();
  count_sent(Side::Upstream);
  if (upstream.connected) upstream_cells().active.sub();
  upstream = Leg{};
}

// The session has ended: send what is left, then say so to TCP, then wait for the client's end.
void Relay::Impl::flush_rest() {
  Leg& client = leg(Side::Client);
  session::Pieces& output = session_->output(Side::Client);
  const bool broken = client.read_ended && client.read_error != 0;
  if (client.transport.broken() || broken) return close_handles();
  const bool tls_is_usable =
      client.layered() && client.transport.handshaken() && client.tls_end != ReadStatus::Failed;
  if (client.layered() && !tls_is_usable) output.clear();
  write_out(Side::Client);
  if (client.transport.broken()) return close_handles();
  if (!output.empty()) return;  // until on_written(), or close_at_
  phase_ = Phase::Lingering;
  if (client.stream()->shutdown() != 0) close_handles();
}

void Relay::Impl::close_handles() {
  if (phase_ == Phase::Closed || !session_) return;
  stamp();
  leave_upstream();
  count_sent(Side::Client);
  log_end();
  phase_ = Phase::Closed;
  update_gauges();
  account();
  record_end(why_ended());
  connector_.reset();
  leg(Side::Client) = Leg{};
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), [](uv_handle_t* timer) {
    auto& self = *static_cast<Impl*>(timer->data);
    self.timer_open_ = false;
    self.maybe_ended();
  });
}

const ErrorRow& Relay::Impl::why_ended() const noexcept {
  const ErrorCode code = session_->fault().code;
  return row_of(code == ErrorCode::Ok && killed_ ? ErrorCode::Drained : code);
}

void Relay::Impl::account() noexcept {
  const ErrorRow& why = why_ended();
  settle_connect(why.close_reason == CloseReason::UpstreamError ? why.code : ErrorCode::Ok);
  listener_cells().active.sub();
  listener_cells().closed[telemetry::index_of(why.close_reason)].add();
}

void Relay::Impl::log_end() {
  const session::Fault& fault = session_->fault();
  const ErrorRow& row = why_ended();
  if (!host_.log().wants(row.level)) return;
  const bool upstream_failed =
      row.close_reason == CloseReason::UpstreamError || row.close_reason == CloseReason::UpstreamEof;
  const auto count = [](const std::array<std::uint64_t, 2>& of, Side side) {
    return std::to_string(of[static_cast<std::size_t>(side)]);
  };
  host_.log().log(row.level, "session closed", facts().session_id,
                  {{"listener", facts().listener},
                   {"client", facts().client_address},
                   {"user", session_->user()},
                   {"reason", std::string(row.label)},
                   {"duration_ms", milliseconds(now_ - started_)},
                   {"client_in", count(received_, Side::Client)},
                   {"client_out", count(sent_, Side::Client)},
                   {"upstream_in", count(received_, Side::Upstream)},
                   {"upstream_out", count(sent_, Side::Upstream)},
                   {"commands", std::to_string(session_->commands())},
                   {"upstream", endpoint_},
                   {"state", upstream_failed ? session_->upstream_state() : std::string()},
                   {"fault", fault_text(fault)},
                   {"client_port", std::to_string(facts().client_port)},
                   {"clock", std::string(fault.clock)},
                   {"turn", std::string(fault.turn)}});
}

}  // namespace postern::net
