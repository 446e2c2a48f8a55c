// The LogSink of the running process: lines are made by the thread that logs, and written by one thread of
// spdlog's. A reader that does not read (a full pipe) never stops a loop: the queue drops its oldest lines
// and counts them, and at the end what still cannot be written is given up. Any thread may log; the main
// thread configures, reopens and ends it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/log_sink.h"
#include "base/result.h"
#include "config/settings.h"

namespace postern::server {

class Log final : public LogSink {
 public:
  static constexpr std::size_t kQueueLines = 2048;

  // Fails if the file cannot be opened for appending; "-" is standard error.
  static Result<std::unique_ptr<Log>> open(const config::Log& settings);
  ~Log() override;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool wants(LogLevel level) const noexcept override;
  void log(LogLevel level, std::string_view event, std::string_view session,
           std::initializer_list<LogField> fields) override;

  // A reload: open_next() opens the file of new settings beside the one in use, and nothing changes; then
  // take_next() is there for all three, file, level and format, and cannot fail. Whoever opens again instead
  // closes what was opened before.
  Result<void> open_next(const config::Log& settings);
  void take_next();
  // SIGUSR1: closes the file and opens it anew under its name (after logrotate has moved it away).
  Result<void> reopen();

  std::uint64_t messages(LogLevel level) const noexcept;
  std::uint64_t dropped() const noexcept;

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::server
