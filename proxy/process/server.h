// The process `postern run`, on the main thread: it makes the sockets, gives up root, starts the workers,
// watches the upstreams, answers the status listener and the signals, and ends in order. It never touches a
// session. One object for one run; run() returns the exit status.
//
// Life: load → log → bind → become the user → workers → signals → "ready" … SIGTERM or SIGINT → drain →
// all sessions have ended, or limits.timeouts.drain is over → 0. A second signal ends the sessions at once.
#pragma once

#include <uv.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/writer/writer.h"
#include "crypto/random.h"
#include "ledger/ledger.h"
#include "net/bind.h"
#include "net/mailbox.h"
#include "plan/reload.h"
#include "process/log.h"
#include "process/session_gate.h"
#include "process/worker.h"
#include "status/http_listener.h"
#include "status/pages.h"
#include "status/router.h"
#include "upstreams/upstreams.h"

namespace postern::server {

struct RunOptions {
  std::string config_path;
  bool takeover = false;  // another instance holds the ports and is about to end
};

class Server {
 public:
  explicit Server(RunOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int run();  // 0, or 1 if it could not start

 private:
  static constexpr std::array<int, 4> kSignals{SIGTERM, SIGINT, SIGHUP, SIGUSR1};

  // server.cc
  bool load();
  Result<void> prepare();
  Result<void> bind();
  Result<void> open_trail();
  Result<void> start();
  Result<void> start_workers();
  void start_timers();
  void abandon();
  void say_where();
  void publish();
  void apply_reload(telemetry::ReloadTrigger trigger);
  void record_reload(bool done, audit::ConfigReload reload);
  const config::Settings& settings() const { return reloader_.running()->settings; }

  // drain.cc
  void start_signals();
  void on_signal(int number);
  void begin_drain(int number);
  void stop_accepting();
  void kill_sessions();
  void worker_ended();
  void end_trail();
  void close_everything();
  bool readiness_is_watched() const;

  // status_pages.cc
  void add_pages();
  HttpResponse answer_ready(const HttpRequest& request);
  Conditions conditions() const;
  std::string metrics() const;

  RunOptions options_;
  Reloader reloader_;
  RandomSource random_;
  telemetry::MainCells cells_;
  SessionGate gate_;
  std::unique_ptr<Log> log_;
  std::optional<SharedLedger> ledger_;
  std::unique_ptr<audit::Writer> trail_;  // null: nothing is recorded
  AuditTrail* own_records_ = nullptr;     // of trail_, for what the main thread does
  bool records_reloads_ = false;
  std::vector<net::Bound> bound_;  // one for each listener
  std::optional<net::Bound> bound_status_;
  std::optional<WorkerEnvironment> environment_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<Upstreams> upstreams_;
  Router pages_;
  std::optional<StatusListener> status_;
  net::Mailbox mailbox_;
  uv_loop_t loop_{};
  std::array<uv_signal_t, kSignals.size()> signals_{};
  uv_timer_t watch_timer_{};
  uv_timer_t ticket_timer_{};
  uv_timer_t delay_timer_{};  // keeps accepting until it fires
  uv_timer_t drain_timer_{};  // ends what is left
  bool loop_open_ = false;
  bool started_ = false;
  bool draining_ = false;
  bool accepting_ = true;
  bool killed_ = false;
  std::size_t workers_ended_ = 0;
  int ready_answers_ = 0;             // how often /readyz said yes
  std::uint64_t ready_asked_ms_ = 0;  // when it was asked last, by the loop's clock
};

}  // namespace postern::server
