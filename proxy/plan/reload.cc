#include "plan/reload.h"

#include <ctime>
#include <utility>

#include "config/load.h"

namespace postern::server {

namespace {

std::string place_of(const config::Diagnostic& found) {
  return config::place_text(found.mark) + ":" + std::to_string(found.mark.column);
}

}  // namespace

std::int64_t unix_seconds() { return std::time(nullptr); }

bool Reloader::load(std::vector<config::Diagnostic>& found) {
  config::Loaded loaded = config::load_file(path_);
  found = std::move(loaded.diagnostics);
  if (!loaded.ok) return false;
  slots_ = std::make_unique<CellSlots>(loaded.settings.upstreams.size(), loaded.settings.rules.size());
  return adopt(std::move(loaded.settings), nullptr, found);
}

void Reloader::begin(LogSink& log, telemetry::MainCells& cells) {
  log_ = &log;
  cells_ = &cells;
  cells_->last_reload_seconds = static_cast<double>(unix_seconds());
}

bool Reloader::reload() {
  config::Loaded loaded = config::load_file(path_);
  if (!loaded.ok) return failed(telemetry::ReloadTrigger::Signal, loaded.diagnostics);
  std::vector<std::string> kept = keep_what_needs_a_restart(loaded.settings, running_->settings);
  std::vector<config::Diagnostic> found = std::move(loaded.diagnostics);
  if (!adopt(std::move(loaded.settings), open_log_, found))
    return failed(telemetry::ReloadTrigger::Signal, found);
  for (const std::string& key : kept)
    log_->log(LogLevel::Warning, "not applied: restart required", "", {{"key", key}});
  second_look_ = false;
  restart_required_ = std::move(kept);
  log_findings(found);
  return true;
}

bool Reloader::look_at_files() {
  using telemetry::index_of;
  const bool changed = watch_.changed();
  if (!changed && !second_look_) return false;
  if (changed && !second_look_ && watch_.same_content()) {
    cells_->reloads[index_of(telemetry::ReloadTrigger::File)][index_of(telemetry::ReloadResult::Unchanged)]
        .add();
    return false;
  }
  std::vector<config::Diagnostic> found;
  if (adopt(running_->settings, nullptr, found)) {
    second_look_ = false;
    log_findings(found);
    return true;
  }
  // A certificate is replaced before its key, or the other way round: look again before complaining.
  second_look_ = !second_look_;
  return second_look_ ? false : failed(telemetry::ReloadTrigger::File, found);
}

bool Reloader::adopt(config::Settings settings, const OpenLog& open_log,
                     std::vector<config::Diagnostic>& found) {
  FileWatch watch;
  watch.watch(tls_files(settings));  // before they are read: a change in between is seen the next time
  SnapshotResult made = make_snapshot(std::move(settings), tickets_, *slots_, unix_seconds());
  add_findings(found, std::move(made.found));
  if (!made.snapshot) return false;
  const config::Log& log = made.snapshot->settings.log;
  if (open_log) {
    if (auto opened = open_log(log); !opened) {
      add_findings(found, {{config::Severity::Error, "log-file", opened.error().detail, log.mark, ""}});
      return false;
    }
  }
  // From here on nothing fails.
  watch_ = std::move(watch);
  *slots_ = std::move(made.slots);
  if (made.ticket_keys) tickets_->use(std::move(made.ticket_keys));
  running_ = std::move(made.snapshot);
  return true;
}

void Reloader::adopted(telemetry::ReloadTrigger trigger) {
  cells_->reloads[telemetry::index_of(trigger)][telemetry::index_of(telemetry::ReloadResult::Ok)].add();
  cells_->last_reload_ok = true;
  cells_->last_reload_seconds = static_cast<double>(unix_seconds());
  log_->log(LogLevel::Info, "reloaded", "", {{"trigger", std::string(name_of(trigger))}});
  if (tell_) tell_(true, {name_of(trigger), {}, std::exchange(restart_required_, {})});
}

bool Reloader::failed(telemetry::ReloadTrigger trigger, const std::vector<config::Diagnostic>& found) {
  cells_->reloads[telemetry::index_of(trigger)][telemetry::index_of(telemetry::ReloadResult::Failed)].add();
  cells_->last_reload_ok = false;
  log_findings(found);
  log_->log(LogLevel::Error, "reload failed, nothing changed", "",
            {{"trigger", std::string(name_of(trigger))}, {"file", path_}});
  if (!tell_) return false;
  audit::ConfigReload record{name_of(trigger), {}, {}};
  for (const config::Diagnostic& d : found)
    if (d.severity == config::Severity::Error) record.errors.push_back(place_of(d) + ": " + d.message);
  tell_(false, std::move(record));
  return false;
}

void Reloader::log_findings(const std::vector<config::Diagnostic>& found) {
  for (const config::Diagnostic& d : found) {
    const LogLevel level = d.severity == config::Severity::Error ? LogLevel::Error : LogLevel::Warning;
    log_->log(level, "configuration", "", {{"place", place_of(d)}, {"reason", d.message}, {"code", d.code}});
  }
}

}  // namespace postern::server
