#include "server/reload.h"

#include <ctime>
#include <utility>

#include "config/load.h"

namespace postern::server {

std::int64_t unix_seconds() { return std::time(nullptr); }

bool Reloader::load(std::vector<config::Diagnostic>& found) {
  config::Loaded loaded = config::load_file(path_);
  found = std::move(loaded.diagnostics);
  if (!loaded.ok) return false;
  slots_ = std::make_unique<CellSlots>(loaded.settings.upstreams.size(), loaded.settings.rules.size());
  return adopt(std::move(loaded.settings), found);
}

void Reloader::begin(LogSink& log, MainCells& cells) {
  log_ = &log;
  cells_ = &cells;
  cells_->last_reload_seconds = static_cast<double>(unix_seconds());
}

bool Reloader::reload() {
  config::Loaded loaded = config::load_file(path_);
  if (!loaded.ok) return failed(ReloadTrigger::Signal, loaded.diagnostics);
  for (const std::string& key : keep_what_needs_a_restart(loaded.settings, running_->settings))
    log_->log(LogLevel::Warning, "not applied: restart required", "", {{"key", key}});
  std::vector<config::Diagnostic> found = std::move(loaded.diagnostics);
  second_look_ = false;
  if (!adopt(std::move(loaded.settings), found)) return failed(ReloadTrigger::Signal, found);
  log_findings(found);
  return true;
}

bool Reloader::look_at_files() {
  using telemetry::index_of;
  const bool changed = watch_.changed();
  if (!changed && !second_look_) return false;
  if (changed && !second_look_ && watch_.same_content()) {
    cells_->reloads[index_of(ReloadTrigger::File)][index_of(ReloadResult::Unchanged)].add();
    return false;
  }
  std::vector<config::Diagnostic> found;
  if (adopt(running_->settings, found)) {
    second_look_ = false;
    log_findings(found);
    return true;
  }
  // A certificate is replaced before its key, or the other way round: look again before complaining.
  second_look_ = !second_look_;
  return second_look_ ? false : failed(ReloadTrigger::File, found);
}

bool Reloader::adopt(config::Settings settings, std::vector<config::Diagnostic>& found) {
  watch_.watch(tls_files(settings));  // before they are read: a change in between is seen the next time
  SnapshotResult made = make_snapshot(std::move(settings), tickets_, *slots_, unix_seconds());
  add_findings(found, std::move(made.found));
  if (!made.snapshot) {
    if (running_) watch_.watch(tls_files(running_->settings));
    return false;
  }
  running_ = std::move(made.snapshot);
  return true;
}

void Reloader::adopted(ReloadTrigger trigger) {
  cells_->reloads[telemetry::index_of(trigger)][telemetry::index_of(ReloadResult::Ok)].add();
  cells_->last_reload_ok = true;
  cells_->last_reload_seconds = static_cast<double>(unix_seconds());
  log_->log(LogLevel::Info, "reloaded", "", {{"trigger", std::string(name_of(trigger))}});
}

bool Reloader::failed(ReloadTrigger trigger, const std::vector<config::Diagnostic>& found) {
  cells_->reloads[telemetry::index_of(trigger)][telemetry::index_of(ReloadResult::Failed)].add();
  cells_->last_reload_ok = false;
  log_findings(found);
  log_->log(LogLevel::Error, "reload failed, nothing changed", "",
            {{"trigger", std::string(name_of(trigger))}, {"file", path_}});
  return false;
}

void Reloader::log_findings(const std::vector<config::Diagnostic>& found) {
  for (const config::Diagnostic& d : found) {
    const LogLevel level = d.severity == config::Severity::Error ? LogLevel::Error : LogLevel::Warning;
    const std::string place = config::place_text(d.mark) + ":" + std::to_string(d.mark.column);
    log_->log(level, "configuration", "", {{"place", place}, {"reason", d.message}, {"code", d.code}});
  }
}

}  // namespace postern::server
