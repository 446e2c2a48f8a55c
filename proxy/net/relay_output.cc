// From the session to the sockets: as few and as large system calls as the kernel allows.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/secret.h"
#include "net/relay_impl.h"

namespace postern::net {

// By one call of its own, ahead of what the session has to say: servers want the whole header in one read.
void Relay::Impl::send_preface() {
  const Octets preface = connector_->candidates().preface;
  if (preface.empty()) return;
  const std::ptrdiff_t taken = leg(Side::Upstream).stream->try_write(preface);
  if (taken < 0) return write_broke(Side::Upstream);
  sent(Side::Upstream, preface.size());
  queue(Side::Upstream, preface.substr(static_cast<std::size_t>(taken)));
}

void Relay::Impl::write_out(Side side) {
  Leg& to = leg(side);
  if (!to.stream || !to.connected) return;
  if (to.write_failed) return session_->output(side).clear();
  if (to.engine)
    write_tls(side);
  else
    write_plain(side, false);
}

// Straight from where the ranges lie. What the kernel did not take stays with the session, but for a bounded
// copy: a pending write is libuv's only way to learn that a TCP socket can be written to again. `all`: the
// whole rest is copied, because what follows is written by somebody else (TLS).
void Relay::Impl::write_plain(Side side, bool all) {
  Stream& stream = *leg(side).stream;
  session::Pieces& output = session_->output(side);
  while (!output.empty() && stream.pending_bytes() == 0) {
    std::array<iovec, Stream::kRangesPerWrite> ranges;
    const std::size_t count = output.gather(ranges.data(), ranges.size());
    std::size_t offered = 0;
    for (std::size_t i = 0; i < count; ++i) offered += ranges[i].iov_len;
    const std::ptrdiff_t taken = stream.try_write(ranges.data(), count);
    if (taken < 0) return write_broke(side);
    sent(side, static_cast<std::size_t>(taken));
    output.drop(static_cast<std::size_t>(taken));
    if (static_cast<std::size_t>(taken) < offered) break;
  }
  const bool kernel_is_full = !output.empty() && stream.pending_bytes() == 0;
  if (!kernel_is_full && !(all && !output.empty())) return;
  const std::size_t size = all ? output.size() : std::min(output.size(), kPendingBytes);
  std::unique_ptr<char[]> memory(new char[size]);
  for (std::size_t copied = 0; copied < size;) {
    const Octets front = output.front().substr(0, size - copied);
    std::memcpy(memory.get() + copied, front.data(), front.size());
    copied += front.size();
    output.drop(front.size());
  }
  sent(side, size);
  stream.write(std::move(memory), 0, size, session_->may_hold_secrets());
}

void Relay::Impl::write_tls(Side side) {
  Leg& to = leg(side);
  session::Pieces& output = session_->output(side);
  while (!output.empty() && to.stream->pending_bytes() == 0 && !to.write_failed) {
    if (const std::size_t taken = write_record(side); taken > 0) {
      output.drop(taken);
      continue;
    }
    if (gather_for(side).empty()) break;  // the handshake is not done, or has failed
    flush_gather();
  }
  const bool last_words = phase_ == Phase::Flushing && clean_ && output.empty() && !close_notified_;
  if (side == Side::Client && last_words && to.engine->handshaken()) {
    // In the same send as BYE or OK (a client that sees it alone might take it for an end without BYE).
    close_notified_ = true;
    if (gather_for(side).room() < tls::TlsEngine::kReadRoom) flush_gather();
    to.engine->close_notify(gather_for(side));
  }
  if (gather_side_ == side) flush_gather();
}

// Encrypts the next octets of the output; several short ranges (a local answer behind another, a greeting) go
// into one record. Returns how many octets were taken.
std::size_t Relay::Impl::write_record(Side side) {
  session::Pieces& output = session_->output(side);
  std::array<iovec, 16> ranges;
  const std::size_t count = output.gather(ranges.data(), ranges.size());
  tls::TlsEngine& engine = *leg(side).engine;
  if (count < 2 || ranges[0].iov_len >= kSmallRange) return engine.write(output.front(), gather_for(side));
  std::array<char, kJoinedBytes> joined;
  std::size_t size = 0;
  for (std::size_t i = 0; i < count && size < joined.size(); ++i) {
    const std::size_t part = std::min(ranges[i].iov_len, joined.size() - size);
    std::memcpy(joined.data() + size, ranges[i].iov_base, part);
    size += part;
  }
  const std::size_t taken = engine.write({joined.data(), size}, gather_for(side));
  if (session_->may_hold_secrets()) wipe(joined.data(), size);
  return taken;
}

// The gather buffer is shared: what lies in it belongs to one leg, and goes out before the other uses it.
tls::CipherBuffer& Relay::Impl::gather_for(Side side) {
  if (gather_side_ != side) {
    flush_gather();
    gather_side_ = side;
  }
  return scratch().gather;
}

void Relay::Impl::flush_gather() {
  tls::CipherBuffer& gather = scratch().gather;
  Leg& to = leg(gather_side_);
  if (gather.empty()) return;
  if (!to.stream || !to.connected || to.write_failed) return gather.clear();
  const std::size_t size = gather.size();
  const std::ptrdiff_t taken = to.stream->try_write(gather.octets());
  if (taken < 0) {
    gather.clear();
    return write_broke(gather_side_);
  }
  sent(gather_side_, size);
  const Octets rest = gather.octets().substr(static_cast<std::size_t>(taken));
  if (rest.size() > kDonatedBytes) {
    to.stream->write(gather.donate(), static_cast<std::size_t>(taken), rest.size(), false);
  } else {
    queue(gather_side_, rest);
  }
  gather.clear();
}

// A copy of what the kernel did not take; nothing of a plaintext that is a secret.
void Relay::Impl::queue(Side side, Octets octets) {
  if (octets.empty()) return;
  std::unique_ptr<char[]> memory(new char[octets.size()]);
  std::memcpy(memory.get(), octets.data(), octets.size());
  leg(side).stream->write(std::move(memory), 0, octets.size(), false);
}

// What went into libuv's queue is counted here, too: it is out of the relay's hands.
void Relay::Impl::sent(Side side, std::size_t octets) noexcept {
  sent_[static_cast<std::size_t>(side)] += octets;
  side_cells(side).sent_bytes.add(octets);
}

void Relay::Impl::write_broke(Side side) noexcept {
  leg(side).write_failed = true;
  session_->output(side).clear();
}

}  // namespace postern::net
