// What the tests of the server share: a log that can be read, and settings that point at files of the test's.
#pragma once

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "base/log_sink.h"
#include "config/settings.h"
#include "telemetry/log_line.h"
#include "unit/tls/certificates.h"

namespace postern::server {

// Keeps its lines, without a time. Any thread may log.
class ReadableLog final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return true; }
  void log(LogLevel level, std::string_view event, std::string_view session,
           std::initializer_list<LogField> fields) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(text_line({"", level, event, session, {fields.begin(), fields.size()}}));
  }
  // The lines with this text in them.
  std::vector<std::string> with(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    std::copy_if(lines_.begin(), lines_.end(), std::back_inserter(found),
                 [&](const std::string& line) { return line.find(text) != std::string::npos; });
    return found;
  }
  bool has(const std::string& text) const { return !with(text).empty(); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// A certificate and its key as files; the key is its owner's alone, or the configuration would warn.
inline config::Certificate install(const tls::testing::Identity& identity,
                                   const tls::testing::TempFolder& folder, const std::string& stem) {
  const config::Certificate certificate = identity.in(folder, stem);
  std::filesystem::permissions(certificate.key,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return certificate;
}

}  // namespace postern::server
