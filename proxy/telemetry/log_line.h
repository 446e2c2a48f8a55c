// One log line as text or as JSON. Pure: the clock, the file and the thread are log.cc's. Whatever stands in
// a value, the result is one line of printable UTF-8: controls, DEL, the line separators U+2028 and U+2029
// and octets that are not UTF-8 come out escaped, and a value is cut at kValueBytes (security.md, row 28).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error_code.h"
#include "base/log_sink.h"

namespace postern::server {

inline constexpr std::size_t kValueBytes = 256;  // of the value as given; what is cut off is shown by "..."

std::string_view name_of(LogLevel level) noexcept;

struct LogLine {
  std::string_view time;  // empty: none is written (the journal has its own)
  LogLevel level = LogLevel::Info;
  std::string_view event;
  std::string_view session;
  std::span<const LogField> fields;
};

// `2026-11-21T03:57:00.123Z info listening session=… name=imaps address=[::]:993`; a value with a blank, a
// quote or anything escaped stands in quotes.
std::string text_line(const LogLine& line);
// One object; the fields stand beside time, level, event and session.
std::string json_line(const LogLine& line);

// RFC 3339, UTC, milliseconds.
std::string timestamp(std::int64_t unix_ms);

}  // namespace postern::server
