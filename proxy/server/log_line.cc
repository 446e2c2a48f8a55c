#include "server/log_line.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace postern::server {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// The length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF), or 0.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto octet = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (octet(i) & 0xC0U) == 0x80U; };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if ((first == 0xE0 && octet(1) < 0xA0) || (first == 0xED && octet(1) >= 0xA0)) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((first == 0xF0 && octet(1) < 0x90) || (first == 0xF4 && octet(1) >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

// Characters that end a line or steer a terminal: C0, DEL, C1 (U+0080 to U+009F), U+2028, U+2029, and the
// marks that turn the direction of writing (U+202A to U+202E, U+2066 to U+2069).
bool is_harmful(std::string_view character) noexcept {
  const auto octet = [character](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return octet(0) < 0x20 || octet(0) == 0x7F;
  if (character.size() == 2) return octet(0) == 0xC2 && octet(1) < 0xA0;
  if (character.size() != 3 || octet(0) != 0xE2) return false;
  if (octet(1) == 0x80) return octet(2) >= 0xA8 && octet(2) <= 0xAE;
  return octet(1) == 0x81 && octet(2) >= 0xA6 && octet(2) <= 0xA9;
}

enum class Style : std::uint8_t { Text, Json };

// JSON has no escape for an octet; \u00XX is read back as the character of that number, which is the usual
// convention and cannot be confused with a harmless one.
void append_octets_escaped(std::string& out, std::string_view octets, Style style) {
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += style == Style::Json ? "\\u00" : "\\x";
    out += kHex[octet >> 4];
    out += kHex[octet & 15];
  }
}

void append_harmful(std::string& out, std::string_view character, Style style) {
  if (character == "\n") {
    out += "\\n";
  } else if (character == "\r") {
    out += "\\r";
  } else if (character == "\t") {
    out += "\\t";
  } else if (character.size() == 1) {
    append_octets_escaped(out, character, style);
  } else {
    unsigned code = static_cast<unsigned char>(character[0]) & (character.size() == 2 ? 0x1FU : 0x0FU);
    for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3FU);
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kHex[code >> shift & 15U];
  }
}

// Returns whether the text form needs quotes.
bool append_escaped(std::string& out, std::string_view value, Style style, std::size_t most = kValueBytes) {
  bool special = value.empty();
  const std::size_t end = std::min(value.size(), most);
  for (std::size_t at = 0; at < end;) {
    const std::size_t length = utf8_length(value.substr(at));
    if (length != 0 && at + length > end) break;  // cut between characters, not inside one
    const std::string_view character = value.substr(at, length == 0 ? 1 : length);
    at += character.size();
    if (length == 0) {
      append_octets_escaped(out, character, style);
      special = true;
    } else if (is_harmful(character)) {
      append_harmful(out, character, style);
      special = true;
    } else if (character == "\"" || character == "\\") {
      out += '\\';
      out += character;
      special = true;
    } else {
      out += character;
      special = special || character == " " || character == "=";
    }
  }
  if (value.size() > most) out += "...";
  return special;
}

void append_text_field(std::string& out, std::string_view key, std::string_view value) {
  out += ' ';
  out += key;
  out += '=';
  std::string escaped;
  const bool quoted = append_escaped(escaped, value, Style::Text);
  if (quoted) out += '"';
  out += escaped;
  if (quoted) out += '"';
}

void append_json_field(std::string& out, std::string_view key, std::string_view value) {
  out += out.size() == 1 ? "\"" : ",\"";
  append_escaped(out, key, Style::Json);
  out += "\":\"";
  append_escaped(out, value, Style::Json);
  out += '"';
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
  append_escaped(out, line.event, Style::Text);
  if (!line.session.empty()) append_text_field(out, "session", line.session);
  for (const LogField& field : line.fields) append_text_field(out, field.key, field.value);
  return out;
}

std::string json_string(std::string_view value) {
  std::string out(1, '"');
  append_escaped(out, value, Style::Json, std::string_view::npos);
  return out += '"';
}

std::string json_line(const LogLine& line) {
  std::string out(1, '{');
  if (!line.time.empty()) append_json_field(out, "time", line.time);
  append_json_field(out, "level", name_of(line.level));
  append_json_field(out, "event", line.event);
  if (!line.session.empty()) append_json_field(out, "session", line.session);
  for (const LogField& field : line.fields) append_json_field(out, field.key, field.value);
  out += '}';
  return out;
}

std::string timestamp(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                                   parts.tm_min, parts.tm_sec, static_cast<int>(unix_ms % 1000));
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace postern::server
