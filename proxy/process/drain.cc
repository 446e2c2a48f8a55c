// How the process is told what to do, and how it ends.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "process/server.h"

namespace postern::server {
namespace {

// What a disk that hangs may keep the process from ending, or from being told so again.
constexpr Duration kTrailEndsWithin = std::chrono::seconds(5);
constexpr std::uint64_t kWatchedForMs = 60'000;  // who asks for readiness does so at least this often

}  // namespace

void Server::start_signals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    uv_signal_init(&loop_, &signals_[i]);
    signals_[i].data = this;
    const auto received = [](uv_signal_t* signal, int number) {
      static_cast<Server*>(signal->data)->on_signal(number);
    };
    uv_signal_start(&signals_[i], received, kSignals[i]);
  }
}

void Server::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      if (reloader_.reload()) apply_reload(telemetry::ReloadTrigger::Signal);
      return;
    case SIGUSR1:
      if (auto done = log_->reopen(); !done)
        log_->log(LogLevel::Error, "log file not reopened", "", {{"reason", done.error().detail}});
      if (trail_) trail_->reopen();
      return;
    default:
      if (!draining_) return begin_drain(number);
      stop_accepting();
      return kill_sessions();
  }
}

void Server::begin_drain(int number) {
  draining_ = true;
  const config::Timeouts& timeouts = settings().limits.timeouts;
  log_->log(
      LogLevel::Info, "draining", "",
      {{"signal", number == SIGINT ? "SIGINT" : "SIGTERM"}, {"sessions", std::to_string(gate_.count())}});
  const auto end = [](uv_timer_t* timer) {
    auto& self = *static_cast<Server*>(timer->data);
    self.stop_accepting();
    self.kill_sessions();
  };
  uv_timer_start(&drain_timer_, end, milliseconds(timeouts.drain), 0);
  if (number != SIGTERM || !readiness_is_watched()) return stop_accepting();
  const auto late = [](uv_timer_t* timer) { static_cast<Server*>(timer->data)->stop_accepting(); };
  uv_timer_start(&delay_timer_, late, milliseconds(timeouts.drain_delay), 0);
}

// Whoever steers clients by /readyz goes on sending them for a moment after it has turned; they are served
// for limits.timeouts.drain_delay. Where nobody asks /readyz there is nobody to wait for. A script that waits
// for the start asks until the first yes; who asks on after a yes watches.
bool Server::readiness_is_watched() const {
  return ready_answers_ >= 2 && uv_now(&loop_) - ready_asked_ms_ <= kWatchedForMs;
}

void Server::stop_accepting() {
  if (!accepting_) return;
  accepting_ = false;
  uv_timer_stop(&delay_timer_);
  for (const auto& worker : workers_) worker->drain();
}

void Server::kill_sessions() {
  if (killed_) return;
  killed_ = true;
  log_->log(LogLevel::Warning, "ending the sessions that are left", "",
            {{"sessions", std::to_string(gate_.count())}});
  for (const auto& worker : workers_) worker->kill();
}

void Server::worker_ended() {
  if (++workers_ended_ < workers_.size()) return;
  for (const auto& worker : workers_) worker->join();
  end_trail();
  close_everything();
}

// Nobody has anything more to record.
void Server::end_trail() {
  if (trail_) trail_->stop(kTrailEndsWithin);
}

// The loop ends when the last handle is closed.
void Server::close_everything() {
  if (status_) status_->close();
  upstreams_->close();
  mailbox_.close();
  for (uv_signal_t& signal : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
  for (uv_timer_t* timer : {&watch_timer_, &ticket_timer_, &delay_timer_, &drain_timer_})
    uv_close(reinterpret_cast<uv_handle_t*>(timer), nullptr);
}

}  // namespace postern::server
