#include "telemetry/log_line.h"

#include <array>

#include "base/escape.h"
#include "base/json_writer.h"

namespace postern::server {
namespace {

bool append_value(std::string& out, std::string_view value, EscapeStyle style) {
  return append_escaped(out, value, style, {.taken = kValueBytes});
}

void append_text_field(std::string& out, std::string_view key, std::string_view value) {
  out += ' ';
  out += key;
  out += '=';
  std::string escaped;
  const bool quoted = append_value(escaped, value, EscapeStyle::Text);
  if (quoted) out += '"';
  out += escaped;
  if (quoted) out += '"';
}

}  // namespace

std::string_view name_of(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string text_line(const LogLine& line) {
  std::string out(line.time);
  if (!out.empty()) out += ' ';
  out += name_of(line.level);
  out += ' ';
  append_value(out, line.event, EscapeStyle::Text);
  if (!line.session.empty()) append_text_field(out, "session", line.session);
  for (const LogField& field : line.fields) append_text_field(out, field.key, field.value);
  return out;
}

std::string json_line(const LogLine& line) {
  std::string out;
  JsonWriter json(out);
  const auto field = [&json](std::string_view key, std::string_view value) {
    json.text(key, value, {.taken = kValueBytes});
  };
  json.object(JsonWriter::Layout::Dense);
  if (!line.time.empty()) field("time", line.time);
  field("level", name_of(line.level));
  field("event", line.event);
  if (!line.session.empty()) field("session", line.session);
  for (const LogField& one : line.fields) field(one.key, one.value);
  json.end();
  return out;
}

std::string timestamp(std::int64_t unix_ms) {
  std::string text;
  append_timestamp(text, unix_ms * 1000, 3);
  return text;
}

}  // namespace postern::server
