// Where log lines go. net and server log through this; layers below never log. The implementation (spdlog, in
// server) is asynchronous and thread-safe; a full pipe drops the oldest lines and counts them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error_code.h"

namespace postern {

// One key=value of a line. Values are escaped by the sink: an attacker's octets cannot forge a line.
struct LogField {
  std::string_view key;
  std::string value;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual bool wants(LogLevel level) const noexcept = 0;
  // `event` is a short constant phrase; `session` is empty where no session is concerned.
  virtual void log(LogLevel level, std::string_view event, std::string_view session,
                   std::initializer_list<LogField> fields) = 0;
};

}  // namespace postern
