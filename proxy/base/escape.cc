#include "base/escape.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/hex.h"

namespace postern {
namespace {

constexpr std::string_view kDots = "...";

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

// Printable ASCII that no style escapes.
constexpr bool is_plain(char c) noexcept { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

}  // namespace

bool is_plain_text(std::string_view value) noexcept {
  bool plain = true;
  for (const char c : value) plain = plain && is_plain(c);
  return plain;
}

namespace {

void append_octet(std::string& out, std::string_view mark, char c) {
  out += mark;
  append_hex(out, c);
}

void append_harmful(std::string& out, std::string_view character, EscapeStyle style) {
  const bool json = style == EscapeStyle::Json || style == EscapeStyle::Record;
  if (character == "\n") {
    out += "\\n";
  } else if (character == "\r") {
    out += "\\r";
  } else if (character == "\t") {
    out += "\\t";
  } else if (character.size() == 1) {
    append_octet(out, json ? "\\u00" : "\\x", character[0]);
  } else {
    unsigned code = static_cast<unsigned char>(character[0]) & (character.size() == 2 ? 0x1FU : 0x0FU);
    for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3FU);
    out += "\\u";
    append_hex(out, static_cast<char>(code >> 8 & 0xFFU));
    append_hex(out, static_cast<char>(code & 0xFFU));
  }
}

void append_stray(std::string& out, char octet, EscapeStyle style) {
  constexpr std::array<std::string_view, 4> kMarks{"\\x", "\\u00", "\\\\x", "\\x"};
  append_octet(out, kMarks[static_cast<std::size_t>(style)], octet);
}

// A quote or a backslash, which stands at the front of `rest`.
void append_quoted(std::string& out, std::string_view rest, EscapeStyle style) {
  if (style == EscapeStyle::Record && rest.starts_with("\\x")) {
    out += "\\\\x5c";
    return;
  }
  if (style != EscapeStyle::Terminal) out += '\\';
  out += rest[0];
}

// Appends the character at the front of `rest` and returns its length.
std::size_t append_character(std::string& out, std::string_view rest, EscapeStyle style, bool& special) {
  const std::size_t length = utf8_length(rest);
  const std::string_view character = rest.substr(0, length == 0 ? 1 : length);
  if (length == 0) {
    append_stray(out, rest[0], style);
  } else if (is_harmful(character)) {
    append_harmful(out, character, style);
  } else if (length == 1) {
    append_quoted(out, rest, style);
  } else {
    out += character;
    return length;
  }
  special = true;
  return character.size();
}

}  // namespace

bool append_escaped(std::string& out, std::string_view value, EscapeStyle style, EscapeBounds bounds) {
  bool special = value.empty();
  const std::size_t start = out.size();
  const std::size_t end = std::min(value.size(), bounds.taken);
  bool cut = end < value.size();
  std::size_t at = 0;
  const std::size_t fits = bounds.written - kDots.size();
  std::size_t whole = 0;  // octets written that may stay if the dots have to follow
  while (at < end) {
    const auto from = value.begin() + static_cast<std::ptrdiff_t>(at);
    const auto run_end = std::find_if_not(from, value.begin() + static_cast<std::ptrdiff_t>(end),
                                          [](char c) { return is_plain(c); });
    const auto run = static_cast<std::size_t>(run_end - from);
    const std::size_t used = out.size() - start;
    if (run > 0) {
      if (used <= fits) whole = std::min(used + run, fits);
      out.append(value, at, run);
      special = special || std::any_of(from, run_end, [](char c) { return c == ' ' || c == '='; });
      at += run;
    } else {
      const std::size_t length = utf8_length(value.substr(at));
      if (at + length > end) break;  // cut between characters, not inside one
      at += append_character(out, value.substr(at), style, special);
      if (out.size() - start <= fits) whole = out.size() - start;
    }
    if (out.size() - start > bounds.written) {
      cut = true;
      break;
    }
  }
  if (!cut) return special;
  if (out.size() - start > fits) out.resize(start + whole);
  out += kDots;
  return special;
}

void append_timestamp(std::string& out, std::int64_t unix_us, int digits) {
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(unix_us)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::int64_t within = (time - day).count();
  const std::int64_t seconds = within / 1'000'000;
  const auto put = [&out](std::int64_t value, int width) {
    std::array<char, 8> text{};
    for (int i = width - 1; i >= 0; --i, value /= 10)
      text[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    out.append(text.data(), static_cast<std::size_t>(width));
  };
  put(static_cast<int>(date.year()), 4);
  out += '-';
  put(static_cast<unsigned>(date.month()), 2);
  out += '-';
  put(static_cast<unsigned>(date.day()), 2);
  out += 'T';
  put(seconds / 3600, 2);
  out += ':';
  put(seconds / 60 % 60, 2);
  out += ':';
  put(seconds % 60, 2);
  out += '.';
  const std::int64_t fraction = within % 1'000'000;
  put(digits == 3 ? fraction / 1000 : fraction, digits);
  out += 'Z';
}

}  // namespace postern
