#include "relay/relay.h"

#include <algorithm>
#include <utility>

#include "base/secret.h"
#include "filters/chain.h"
#include "relay/relay_impl.h"

namespace postern::net {

Relay::Relay(RelayHost& host, RelayOptions options)
    : impl_(std::make_unique<Impl>(*this, host, std::move(options))) {}
Relay::~Relay() = default;
void Relay::start(Socket client) { impl_->start(std::move(client)); }
void Relay::turn() { impl_->turn(); }
void Relay::drain() { impl_->drain(); }
void Relay::kill() { impl_->kill(); }
const std::string& Relay::id() const noexcept { return impl_->facts().session_id; }

Relay::Impl::Impl(Relay& self, RelayHost& host, RelayOptions options)
    : self_(self),
      host_(host),
      options_(std::make_unique<RelayOptions>(std::move(options))),
      settings_(options_->settings),
      routes_(std::move(options_->routes)),
      server_context_(options_->server_context),
      seat_(std::move(options_->seat)) {}

Relay::Impl::~Impl() = default;

void Relay::Impl::start(Socket client) {
  stamp();
  started_ = now_;
  uv_timer_init(host_.loop(), &timer_);
  timer_.data = this;
  timer_open_ = true;
  listener_cells().active.add();
  std::string proxy = std::move(options_->proxy);
  session_.emplace(
      session::Environment{settings_.get(), std::move(options_->offer), std::move(options_->user_rewrite),
                           &host_.cells(), options_->rule_slots.get(), std::move(options_->facts),
                           options_->version, options_->tag_seed, host_.audit()},
      filters::make_chain({settings_.get(), options_->policy, &host_.ledger()}), now_);
  options_.reset();
  begin_audit(host_.audit() == nullptr ? Peer() : local_end_of(client.fd()), std::move(proxy));
  Leg& client_leg = leg(Side::Client);
  client_leg.transport = Transport(Stream::make(host_.loop(), *this));
  client_leg.connected = true;
  if (client_leg.stream()->open(std::move(client)) != 0)
    session_->event(session::Failed{Side::Client, ErrorCode::ClientReset}, now_);
  else if (facts().tls == config::ListenerTls::Implicit)
    start_engine(Side::Client);
  pump(true);
}

void Relay::Impl::turn() {
  queued_ = false;
  if (phase_ == Phase::Closed) return maybe_ended();
  stamp();
  if (phase_ == Phase::Open) session_->resume(now_);
  pump(true);
}

void Relay::Impl::drain() {
  if (phase_ != Phase::Open) return;
  stamp();
  session_->event(session::Drain{}, now_);
  pump(true);
}

// The session is told, so that what is under way is recorded as lost.
void Relay::Impl::kill() {
  killed_ = true;
  stamp();
  if (phase_ == Phase::Open) session_->event(session::Failed{Side::Client, ErrorCode::Drained}, now_);
  carry_out();
  close_handles();
}

// Whether octets that arrive from this side now have somewhere to go. While the other side's kernel buffer is
// full nothing more is taken from this one: it waits in the kernel, where it needs no copy.
bool Relay::Impl::wants_octets(Side side) noexcept {
  Leg& from = leg(side);
  if (phase_ == Phase::Closed || !from.stream() || !from.connected || from.read_ended) return false;
  if (phase_ != Phase::Open) return side == Side::Client;
  if (from.end_reported || from.tls_end != ReadStatus::Plain || from.backlog) return false;
  if (from.layered() && from.stream()->pending_bytes() > kAnswerBacklogBytes) return false;
  if (!from.transport.handshaken()) return true;
  Leg& to = leg(other(side));
  return session_->wants_read(side) && !(to.stream() && to.connected && to.stream()->pending_bytes() > 0);
}

// limits.bandwidth_per_session: what was read has to be paid for before more is; the rest waits in the
// kernel.
Instant Relay::Impl::readable_at() const noexcept {
  const std::uint64_t rate = settings_->limits.bandwidth_per_session;
  return bandwidth_.free_at(std::max(rate, kLeastBurst), rate);
}

bool Relay::Impl::may_read(Side side) noexcept {
  return wants_octets(side) && (phase_ != Phase::Open || now_ >= readable_at());
}

StreamUser::Memory Relay::Impl::read_memory(Stream& stream) noexcept {
  const Side side = side_of(stream);
  if (!may_read(side)) return {};
  const bool encrypted = leg(side).layered();
  const std::size_t room = encrypted ? Scratch::kCipherBytes : Scratch::kPlainBytes;
  const std::uint64_t rate = settings_->limits.bandwidth_per_session;
  const std::uint64_t most = rate == 0 ? room : std::max<std::uint64_t>(rate, kLeastRead);
  return {encrypted ? scratch().cipher_in.get() : scratch().plain.get(), std::min<std::size_t>(room, most)};
}

void Relay::Impl::on_read(Stream& stream, Octets octets) noexcept {
  stamp();
  const Side side = side_of(stream);
  received_[static_cast<std::size_t>(side)] += octets.size();
  side_cells(side).received_bytes.add(octets.size());
  if (phase_ != Phase::Open) {
    // Discarded; in clear it may hold a credential.
    if (!leg(side).layered()) secret_bytes_ = std::max(secret_bytes_, octets.size());
    return wipe_scratch();
  }
  const bool in_clear = !leg(side).layered();
  if (in_clear)
    give(side, octets);
  else
    leg(side).transport.feed(octets);
  pump(in_clear);
}

void Relay::Impl::on_read_end(Stream& stream, int error) noexcept {
  stamp();
  const Side side = side_of(stream);
  leg(side).read_ended = true;
  leg(side).read_error = error;
  // A client that has closed its side before our last octets are out may still read them; a broken one not.
  if (phase_ == Phase::Lingering && (error != 0 || leg(side).stream()->pending_bytes() == 0))
    return close_handles();
  if (phase_ == Phase::Flushing && error != 0) return close_handles();
  pump(true);
}

void Relay::Impl::on_connected(Stream&, int error) noexcept {
  stamp();
  if (phase_ != Phase::Open) return;
  if (error != 0) {
    dial_failed(error_of_connect(error));
    dial();
  } else {
    upstream_cells().connect_duration.observe(now_ - dialled_);
    upstream_cells().active.add();
    leg(Side::Upstream).connected = true;
    reached_ = now_;
    send_preface();
    const Candidates& dialled = connector_->candidates();
    session_->event(session::UpstreamConnected{dialled.tls, dialled.send_id, dialled.master}, now_);
  }
  pump(true);
}

void Relay::Impl::on_written(Stream& stream, int error) noexcept {
  stamp();
  if (error != 0) {
    write_broke(side_of(stream));
    if (phase_ != Phase::Open) return close_handles();
  }
  // It reads, slowly: there are few of these blocks, so the end is certain all the same.
  if (phase_ == Phase::Flushing) close_at_ = now_ + kFlushTime;
  pump(true);
}

void Relay::Impl::on_shutdown(Stream&) noexcept {
  if (phase_ != Phase::Lingering) return;
  stamp();
  if (leg(Side::Client).read_ended) return close_handles();
  close_at_ = now_ + kLingerTime;
  arm_timer();
}

void Relay::Impl::on_timer() noexcept {
  timer_at_ = Instant::max();
  stamp();
  if (phase_ == Phase::Closed) return;
  if (phase_ != Phase::Open) return now_ < close_at_ ? arm_timer() : close_handles();
  tell_written();  // the kernel may have taken a part of a write, which libuv does not tell
  if (const auto deadline = session_->deadline(); deadline && *deadline <= now_) session_->tick(now_);
  pump(true);
}

// One callback's work. Each step towards the session (`stirred`: the caller has made one) is followed by all
// that comes of it, before the session's memory is used again: what it asks for, what it has to say, what it
// keeps.
void Relay::Impl::pump(bool stirred) {
  while (phase_ == Phase::Open) {
    if (stirred) {
      carry_out();
      if (phase_ != Phase::Open) break;
      for (const Side side : {Side::Client, Side::Upstream})
        if (!session_->output(side).empty() || !scratch().gather.empty()) write_out(side);
      tell_written();
      session_->keep();
    }
    stirred = step(Side::Client) || step(Side::Upstream);
    if (!stirred) break;
  }
  if (phase_ == Phase::Flushing) {
    flush_rest();
    session_->keep();
  }
  settle();
}

void Relay::Impl::tell_written() noexcept {
  session::Backlog backlog;
  for (const Side side : {Side::Client, Side::Upstream})
    if (const Leg& to = leg(side); to.stream())
      backlog.unsent[static_cast<std::size_t>(side)] = to.stream()->pending_bytes();
  backlog.held_back = now_ < readable_at();
  session_->written(backlog, now_);
}

// What a side still holds for the session: octets in its layers, or the news of its end. Costs next to
// nothing where there is neither, which is nearly always.
bool Relay::Impl::step(Side side) {
  const Leg& from = leg(side);
  if (!from.transport.has_input() && !from.read_ended && !from.transport.broken() &&
      from.tls_end == ReadStatus::Plain)
    return false;
  return report_end(side) || drive(side);
}

// Leaves nothing in the worker's scratch memory, and the relay ready for libuv's next callback.
void Relay::Impl::settle() {
  flush_gather();
  wipe_scratch();
  if (phase_ == Phase::Closed) return;
  for (const Side side : {Side::Client, Side::Upstream}) {
    Leg& at = leg(side);
    at.transport.keep();
    count_sent(side);
    if (at.stream() && !at.stream()->reads() && may_read(side)) at.stream()->want_reads();
  }
  update_gauges();
  arm_timer();
  if (phase_ == Phase::Open && session_->has_work() && !queued_) {
    queued_ = true;
    host_.enqueue(self_);
  }
}

// Most deadlines move away with each command: the timer stays where it is, fires early and is set again then.
void Relay::Impl::arm_timer() noexcept {
  auto deadline = phase_ == Phase::Open ? session_->deadline() : std::optional<Instant>(close_at_);
  if (phase_ == Phase::Open && now_ < readable_at())
    deadline = std::min(deadline.value_or(Instant::max()), readable_at());
  if (!deadline || *deadline >= timer_at_) return;
  timer_at_ = *deadline;
  using Milliseconds = std::chrono::milliseconds;
  const auto wait = std::chrono::ceil<Milliseconds>(std::max(*deadline - now_, Duration(1)));
  const auto fire = [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->on_timer(); };
  uv_timer_start(&timer_, fire, static_cast<std::uint64_t>(wait.count()), 0);
}

void Relay::Impl::update_gauges() noexcept {
  for (const Side side : {Side::Client, Side::Upstream}) {
    const std::size_t pending = leg(side).stream() ? leg(side).stream()->pending_bytes() : 0;
    const std::size_t present = phase_ == Phase::Closed ? 0 : session_->buffered(side) + pending;
    std::size_t& shown = gauge_[static_cast<std::size_t>(side)];
    if (present > shown) side_cells(side).buffered_bytes.add(present - shown);
    if (present < shown) side_cells(side).buffered_bytes.sub(shown - present);
    shown = present;
  }
}

void Relay::Impl::wipe_scratch() noexcept {
  if (secret_bytes_ == 0) return;
  wipe(scratch().plain.get(), secret_bytes_);
  secret_bytes_ = 0;
}

void Relay::Impl::on_closed() noexcept { maybe_ended(); }

void Relay::Impl::maybe_ended() noexcept {
  if (phase_ == Phase::Closed && !timer_open_ && !queued_ && open_streams() == 0) host_.ended(self_);
}

}  // namespace postern::net
