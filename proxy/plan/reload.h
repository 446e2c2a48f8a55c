// Which configuration runs, and how another one takes its place: at the start, at SIGHUP (all of it) and when
// TLS files change on disk (the same settings, read anew). Whatever can fail is made first, and what is
// published then cannot fail: a reload that fails changes nothing, neither the running Snapshot nor ticket
// keys, cells, the log's file or what is watched; the log says where and why, the metrics show it. Main
// thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log_sink.h"
#include "base/result.h"
#include "config/diagnostics.h"
#include "plan/snapshot.h"
#include "plan/watch.h"
#include "record/audit_record.h"
#include "telemetry/cells.h"
#include "tls/context.h"

namespace postern::server {

class Reloader {
 public:
  explicit Reloader(std::string path) : path_(std::move(path)) {}

  // At the start, before there is a log. False: there were errors.
  bool load(std::vector<config::Diagnostic>& found);
  // The first load is through; from now on things are logged and counted.
  void begin(LogSink& log, telemetry::MainCells& cells);
  // Who records what became of each reload.
  using Tell = std::function<void(bool done, audit::ConfigReload)>;
  void tell(Tell tell) { tell_ = std::move(tell); }

  // What opens the log's file beside the one in use; it is taken by whoever asks for the reload.
  using OpenLog = std::function<Result<void>(const config::Log&)>;
  void open_log(OpenLog open) { open_log_ = std::move(open); }

  // SIGHUP. True: running() is a new one; adopted() is to be called when the workers have it.
  bool reload();
  // Every FileWatch::kEveryMs where tls.watch is on; likewise.
  bool look_at_files();
  // Every new session has what running() says: only now is it told to those who wait for it.
  void adopted(telemetry::ReloadTrigger trigger);

  const std::shared_ptr<const Snapshot>& running() const noexcept { return running_; }
  const CellSlots& slots() const noexcept { return *slots_; }
  tls::TicketKeys& tickets() noexcept { return *tickets_; }

 private:
  // `open_log`: empty where the log's file stays what it is.
  bool adopt(config::Settings settings, const OpenLog& open_log, std::vector<config::Diagnostic>& found);
  bool failed(telemetry::ReloadTrigger trigger, const std::vector<config::Diagnostic>& found);
  void log_findings(const std::vector<config::Diagnostic>& found);

  std::string path_;
  std::shared_ptr<tls::TicketKeys> tickets_ = std::make_shared<tls::TicketKeys>();
  std::unique_ptr<CellSlots> slots_;
  std::shared_ptr<const Snapshot> running_;
  FileWatch watch_;
  std::vector<std::string> restart_required_;  // by the last reload, not applied
  Tell tell_;
  OpenLog open_log_;
  bool second_look_ = false;  // files changed and could not be used: perhaps only half of them were there
  LogSink* log_ = nullptr;
  telemetry::MainCells* cells_ = nullptr;
};

std::int64_t unix_seconds();

}  // namespace postern::server
