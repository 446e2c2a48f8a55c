// From the session to the sockets: as few and as large system calls as the kernel allows.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/secret.h"
#include "relay/relay_impl.h"

namespace postern::net {

// By one call of its own, ahead of what the session has to say: servers want the whole header in one read.
void Relay::Impl::send_preface() {
  const Octets preface = connector_->candidates().preface;
  if (preface.empty()) return;
  leg(Side::Upstream).transport.send(preface, gather_for(Side::Upstream));
}

void Relay::Impl::write_out(Side side) {
  Leg& to = leg(side);
  if (!to.stream() || !to.connected) return;
  if (to.transport.broken()) return session_->output(side).clear();
  if (to.layered())
    write_tls(side);
  else
    write_plain(side, false);
}

// Straight from where the ranges lie. What the kernel did not take stays with the session, but for a bounded
// copy: a pending write is libuv's only way to learn that a TCP socket can be written to again. `all`: the
// whole rest is copied, because what follows is written by somebody else (TLS).
void Relay::Impl::write_plain(Side side, bool all) {
  Transport& transport = leg(side).transport;
  const Stream& stream = *transport.stream();
  session::Pieces& output = session_->output(side);
  while (!output.empty() && stream.pending_bytes() == 0) {
    std::array<iovec, Stream::kRangesPerWrite> ranges;
    const std::size_t count = output.gather(ranges.data(), ranges.size());
    std::size_t offered = 0;
    for (std::size_t i = 0; i < count; ++i) offered += ranges[i].iov_len;
    const std::size_t taken = transport.offer(ranges.data(), count);
    if (transport.broken()) return output.clear();
    output.drop(taken);
    if (taken < offered) break;
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
  transport.queue(std::move(memory), size, session_->may_hold_secrets());
}

void Relay::Impl::write_tls(Side side) {
  Leg& to = leg(side);
  session::Pieces& output = session_->output(side);
  while (!output.empty() && to.stream()->pending_bytes() == 0 && !to.transport.broken()) {
    if (const std::size_t taken = write_record(side); taken > 0) {
      output.drop(taken);
      continue;
    }
    if (gather_for(side).empty()) break;  // the handshake is not done, or has failed
    flush_gather();
  }
  const bool last_words = phase_ == Phase::Flushing && clean_ && output.empty() && !close_notified_;
  if (side == Side::Client && last_words && to.transport.handshaken()) {
    // In the same send as BYE or OK (a client that sees it alone might take it for an end without BYE).
    close_notified_ = true;
    to.transport.close_notify(gather_for(side));
  }
  if (gather_side_ == side) flush_gather();
}

// Encrypts the next octets of the output; several short ranges (a local answer behind another, a greeting) go
// into one record. Returns how many octets were taken.
std::size_t Relay::Impl::write_record(Side side) {
  session::Pieces& output = session_->output(side);
  std::array<iovec, 16> ranges;
  const std::size_t count = output.gather(ranges.data(), ranges.size());
  Transport& transport = leg(side).transport;
  if (count < 2 || ranges[0].iov_len >= kSmallRange) return transport.write(output.front(), gather_for(side));
  std::array<char, kJoinedBytes> joined;
  std::size_t size = 0;
  for (std::size_t i = 0; i < count && size < joined.size(); ++i) {
    const std::size_t part = std::min(ranges[i].iov_len, joined.size() - size);
    std::memcpy(joined.data() + size, ranges[i].iov_base, part);
    size += part;
  }
  const std::size_t taken = transport.write({joined.data(), size}, gather_for(side));
  if (session_->may_hold_secrets()) wipe(joined.data(), size);
  return taken;
}

// The gather buffer is shared: what lies in it belongs to one leg, and goes out before the other uses it.
CipherBuffer& Relay::Impl::gather_for(Side side) {
  if (gather_side_ != side) {
    flush_gather();
    gather_side_ = side;
  }
  return scratch().gather;
}

void Relay::Impl::flush_gather() {
  CipherBuffer& gather = scratch().gather;
  Leg& to = leg(gather_side_);
  if (gather.empty()) return;
  if (!to.stream() || !to.connected) return gather.clear();
  to.transport.flush(gather);
  if (to.transport.broken()) session_->output(gather_side_).clear();
}

// What went into libuv's queue is counted here, too: it is out of the relay's hands.
void Relay::Impl::count_sent(Side side) noexcept {
  const std::uint64_t octets = leg(side).transport.take_sent();
  if (octets == 0) return;
  sent_[static_cast<std::size_t>(side)] += octets;
  side_cells(side).sent_bytes.add(octets);
}

void Relay::Impl::write_broke(Side side) noexcept {
  leg(side).transport.break_off();
  session_->output(side).clear();
}

}  // namespace postern::net
