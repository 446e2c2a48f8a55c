// The clocks of a session: when those that wait for a peer run, and what happens when one strikes. A peer is
// due when it is next to speak, has all that it needs for that, and is listened to; its clock is started
// then, begins anew with each of its octets, and is stopped when something else is waited for.
#include <utility>

#include "session/impl.h"

namespace postern::session {

// Behind every step, when what it had to say has been offered to the kernel.
void Session::Impl::written(const Backlog& backlog) {
  backlog_ = backlog;
  if (core_.ended() || !gate_.logged_in()) return;
  const bool sent = is_sent(Side::Client) && is_sent(Side::Upstream);
  const bool upstream_due = sent && upstream_is_due();
  await(Clock::UpstreamSilence, upstream_due, core_.timeouts().upstream_silence);
  await(Clock::Count, upstream_due && relaying_.awaits_count(), core_.timeouts().count);
  await(Clock::Idle, sent && client_is_due(), core_.timeouts().idle);
  watch_reader(Side::Client, Clock::StalledClient);
  watch_reader(Side::Upstream, Clock::StalledUpstream);
}

void Session::Impl::await(Clock clock, bool due, Duration time) noexcept {
  if (due == core_.deadlines.runs(clock)) return;
  if (due) return core_.deadlines.start(clock, core_.now + time);
  core_.deadlines.stop(clock);
}

bool Session::Impl::is_sent(Side side) const noexcept {
  return core_.leg(side).out.empty() && backlog_.unsent[static_cast<std::size_t>(side)] == 0;
}

// Where all is sent to both: what the client does not take keeps us from reading the upstream.
bool Session::Impl::upstream_is_due() const noexcept {
  return relaying_.is_upstreams_turn() && !backlog_.held_back;
}

// Likewise: not while anything waits for it, here or on the way to a slow upstream.
bool Session::Impl::client_is_due() const noexcept {
  return relaying_.is_clients_turn() && core_.leg(Side::Client).held() == 0 && !backlog_.held_back;
}

// RFC 9293 §3.8.6.1: a window may stay closed for as long as its owner likes, so the kernel does not end
// that; we do.
void Session::Impl::watch_reader(Side side, Clock clock) noexcept {
  if (is_sent(side)) return core_.deadlines.stop(clock);
  const auto index = static_cast<std::size_t>(side);
  const std::uint64_t moved = core_.leg(side).out.dropped() - backlog_.unsent[index];
  if (std::exchange(moved_[index], moved) != moved || !core_.deadlines.runs(clock))
    core_.deadlines.start(clock, core_.now + core_.timeouts().stalled);
}

void Session::Impl::tick() {
  const auto next = core_.deadlines.next();
  if (core_.ended() || !next || core_.now < next->at) return;
  core_.deadlines.stop(next->clock);
  strike(next->clock);
}

void Session::Impl::strike(Clock clock) {
  switch (clock) {
    case Clock::Drain:
      return core_.end_by(clock, ErrorCode::Drained, "UNAVAILABLE");
    case Clock::Handshake:
      return core_.end_by(clock, ErrorCode::HandshakeTimeout);
    case Clock::Login:
      return core_.end_by(clock, ErrorCode::LoginTimeout);
    case Clock::UpstreamConnect:
    case Clock::UpstreamLogin:
    case Clock::Penalty:
      gate_.strike(clock);
      return run();
    case Clock::Parked:
      gate_.logged_in() ? relaying_.strike(clock) : gate_.strike(clock);
      return run();
    case Clock::Count:
      relaying_.strike(clock);
      return run();
    case Clock::Idle:
      return core_.end_by(clock, ErrorCode::IdleTimeout);
    case Clock::UpstreamSilence:
      return core_.end_by(clock, ErrorCode::UpstreamSilent, "UNAVAILABLE");
    case Clock::StalledClient:
      return core_.end_by(clock, ErrorCode::ClientStalled);
    case Clock::StalledUpstream:
      return core_.end_by(clock, ErrorCode::UpstreamStalled, "UNAVAILABLE");
    case Clock::kCount:
      break;
  }
}

}  // namespace postern::session
