// Driving a session: what came in is judged, and what may go out is queued. The rooms beside this one hold
// its clocks, and what happens before login, at login, and while relaying.
#include "session/session.h"

#include <algorithm>
#include <utility>

#include "session/impl.h"

namespace postern::session {
namespace {

static_assert(static_cast<std::size_t>(imap::Verb::kCount) <= telemetry::kCommandSlots);
static_assert(static_cast<std::size_t>(imap::Mechanism::kCount) <= telemetry::kMechanismSlots);

}  // namespace

Session::Impl::Impl(Environment environment, filters::Chain chain, Instant now)
    : core_(std::move(environment), std::move(chain), now) {
  gate_.open();
}

Session::Impl::~Impl() {
  core_.chain.on_end({core_.fault.code, core_.commands},
                     gate_.logged_in() ? relaying_.context() : gate_.context());
  core_.listener_cells().sessions[index_of(core_.state)].sub();
}

// --- octets in ------------------------------------------------------------------------------------------

void Session::Impl::input(Side side, Octets plain) {
  if (core_.ended()) return;
  if (side == Side::Client)
    core_.restart(Clock::Idle, core_.timeouts().idle);
  else
    core_.restart(Clock::UpstreamSilence, core_.timeouts().upstream_silence);
  core_.leg(side).take(plain);
  run();
}

void Session::Impl::run() {
  core_.turn = 0;
  process_upstream();
  process_client();
  // What the last events were read from is done with: nothing that may be a credential waits for the next
  // call.
  core_.client_scanner.release();
  core_.upstream_scanner.release();
  maybe_end();
}

void Session::Impl::process_client() {
  while (!core_.ended()) {
    const Octets all = core_.leg(Side::Client).next();
    if (all.empty()) return;
    if (relaying_.is_early()) return core_.client_fault(ErrorCode::EarlyLiteral);
    if (core_.turn >= kCommandsPerTurn || !can_scan_client()) return;
    Octets in = all;
    if (!gate_.logged_in()) {
      gate_.client(in);
    } else {
      relaying_.client(in);
    }
    core_.leg(Side::Client).consume(all.size() - in.size());
    gate_.consumed();
  }
}

bool Session::Impl::can_scan_client() const noexcept {
  return gate_.logged_in() ? relaying_.can_scan() : gate_.can_scan();
}

void Session::Impl::process_upstream() {
  while (!core_.ended() && core_.upstream_open && !gate_.awaits_seat()) {
    const Octets all = core_.leg(Side::Upstream).next();
    if (all.empty()) break;
    Octets in = all;
    if (gate_.logged_in()) {
      relaying_.upstream(in);
    } else {
      gate_.upstream(in);
    }
    if (core_.upstream_open) core_.leg(Side::Upstream).consume(all.size() - in.size());
    relaying_.flush_answers();
  }
  if (!core_.ended() && errands_.under_way()) errands_.send_next();
  if (!core_.ended()) relaying_.unpark();
}

// --- octets out -----------------------------------------------------------------------------------------

void Session::Impl::keep() {
  for (LegOctets& leg : core_.legs) leg.keep(core_.settings().limits.buffer);
}

bool Session::Impl::wants_read(Side side) const noexcept {
  if (core_.ended()) return false;
  if (side == Side::Client)
    return !core_.leg(side).ended() && core_.leg(side).held() == 0 && !core_.leg(Side::Upstream).paused();
  return core_.upstream_open && core_.leg(side).held() == 0 && !core_.leg(Side::Client).paused();
}

// --- events ---------------------------------------------------------------------------------------------

void Session::Impl::event(const Event& event) {
  if (core_.ended()) return;
  struct Visitor {
    Impl& self;
    void operator()(const Dialling&) const {
      self.core_.restart(Clock::UpstreamConnect, self.core_.timeouts().upstream_connect);
    }
    void operator()(const UpstreamConnected& e) const { self.gate_.connected(e); }
    void operator()(const UpstreamFailed& e) const { self.gate_.dial_failed(e.code); }
    void operator()(const TlsReady& e) const { self.gate_.tls_ready(e); }
    void operator()(const EndOfFile& e) const { self.on_end_of_file(e); }
    void operator()(const Failed& e) const { self.on_failed(e); }
    void operator()(const Answered& e) const { self.on_answered(e); }
    void operator()(const Penalty& e) const { self.gate_.penalty(e.delay); }
    void operator()(const Refused& e) const { self.core_.end(e.code, "LIMIT"); }
    void operator()(const Drain&) const {
      self.core_.ending.drain();
      self.core_.deadlines.start(Clock::Drain, self.core_.now + self.core_.timeouts().drain * 4 / 5);
    }
  };
  std::visit(Visitor{*this}, event);
  run();
}

// What is granted to nobody is given back with the event.
void Session::Impl::on_answered(const Answered& answered) {
  if (!core_.is_awaited(answered.id)) return;
  core_.stop_waiting();
  gate_.logged_in() ? relaying_.answered(answered.answer) : gate_.answered(answered.answer);
}

void Session::Impl::on_end_of_file(const EndOfFile& ended) {
  if (ended.side == Side::Upstream)
    return on_upstream_ended(ended.truncated ? ErrorCode::UpstreamTruncated : ErrorCode::UpstreamClosed);
  core_.leg(Side::Client).end();
  core_.ending.leave(ended.truncated ? ErrorCode::ClientTruncated : ErrorCode::ClientClosed);
}

// After the client's end: complete commands are still answered (`printf … | openssl s_client`), so this is
// false as long as any can be. What needs octets that will not come is over.
bool Session::Impl::is_served() const noexcept {
  return gate_.logged_in() ? relaying_.is_served() : gate_.is_served();
}

void Session::Impl::on_failed(const Failed& failed) {
  if (failed.side == Side::Client) {
    core_.mid_response = true;  // nothing can be said any more
    return core_.end(failed.code);
  }
  on_upstream_ended(failed.code);
}

void Session::Impl::on_upstream_ended(ErrorCode code) {
  if (!core_.upstream_open) return;
  if (!gate_.logged_in()) return gate_.upstream_ended(code);
  relaying_.upstream_ended(code);
}

// What only waited for that which is under way. The process is to end: commands that run are answered, then
// BYE; IDLE is nothing that runs.
void Session::Impl::maybe_end() {
  if (!core_.ended() && core_.ending.has_reason() && is_served())
    core_.end(core_.ending.reason(), {}, core_.ending.text());
  if (core_.ended() || !core_.deadlines.runs(Clock::Drain)) return;
  const bool busy = core_.mid_response || gate_.is_logging_in() || relaying_.is_busy() ||
                    !core_.client_scanner.at_boundary();
  if (busy && !core_.deadlines.struck(Clock::Drain, core_.now)) return;
  core_.end(ErrorCode::Drained, "UNAVAILABLE");
}

// Behind the step in which the session has ended: all that was under way is over.
void Session::Impl::close_up() {
  telling_.losses(core_.fault.code, relaying_.append_under_way(), errands_.unsent());
  core_.pending.clear();
  gate_.clear();
  relaying_.clear();
  errands_.clear();
  core_.set_state(telemetry::SessionState::Closing);
  core_.act(Close{core_.fault.code, !core_.mid_response});
  core_.ending.close();
}

// --- the public face ------------------------------------------------------------------------------------

Session::Session(Environment environment, filters::Chain chain, Instant now)
    : impl_(std::make_unique<Impl>(std::move(environment), std::move(chain), now)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::input(Side side, Octets plain, Instant now) {
  impl_->core_.now = now;
  impl_->input(side, plain);
  impl_->finish();
}
void Session::event(const Event& event, Instant now) {
  impl_->core_.now = now;
  impl_->event(event);
  impl_->finish();
}
void Session::tick(Instant now) {
  impl_->core_.now = now;
  impl_->tick();
  impl_->finish();
}
void Session::resume(Instant now) {
  impl_->core_.now = now;
  impl_->run();
  impl_->finish();
}
void Session::written(const Backlog& backlog, Instant now) {
  impl_->core_.now = now;
  impl_->written(backlog);
}
void Session::keep() { impl_->keep(); }

std::optional<Action> Session::next_action() {
  auto& actions = impl_->core_.actions;
  if (actions.empty()) return std::nullopt;
  Action action = std::move(actions.front());
  actions.erase(actions.begin());
  if (actions.empty()) std::vector<Action>().swap(actions);
  return action;
}

Pieces& Session::output(Side side) noexcept { return impl_->core_.leg(side).out; }
bool Session::wants_read(Side side) const noexcept { return impl_->wants_read(side); }
bool Session::has_work() const noexcept {
  const Impl& impl = *impl_;
  return !impl.core_.ended() && impl.core_.leg(Side::Client).held() > 0 && impl.can_scan_client();
}
std::optional<Instant> Session::deadline() const noexcept {
  const auto next = impl_->core_.deadlines.next();
  return !next || impl_->core_.ended() ? std::nullopt : std::optional<Instant>(next->at);
}
bool Session::closing() const noexcept { return impl_->core_.ended(); }
bool Session::logged_in() const noexcept { return impl_->gate_.logged_in(); }
bool Session::may_hold_secrets() const noexcept { return !impl_->gate_.logged_in(); }
const std::string& Session::user() const noexcept { return impl_->core_.user; }
const filters::SessionFacts& Session::facts() const noexcept { return impl_->core_.env.facts; }
const TlsFacts& Session::client_tls() const noexcept { return impl_->core_.client_tls; }
const Fault& Session::fault() const noexcept { return impl_->core_.fault; }
std::string Session::upstream_state() const { return impl_->core_.upstream_state; }
std::uint64_t Session::commands() const noexcept { return impl_->core_.commands; }
std::uint64_t Session::next_record() noexcept { return impl_->telling_.next_record(); }
std::size_t Session::buffered(Side side) const noexcept {
  return impl_->core_.leg(side).out.size() + impl_->core_.leg(side).held();
}

}  // namespace postern::session
