// Octets as they came off the wire. A string_view because protocol octets are mostly compared with text;
// nothing about it promises ASCII, a terminator, or that it outlives the current call.
#pragma once

#include <string>
#include <string_view>

namespace postern {

using Octets = std::string_view;

// RFC 3501 §9: names, keywords and INBOX ignore case, in ASCII alone.
constexpr char ascii_upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Of a hexadecimal digit in either case; -1: it is none.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool equals_ignoring_case(Octets a, Octets b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (ascii_upper(a[i]) != ascii_upper(b[i])) return false;
  return true;
}

constexpr bool starts_ignoring_case(Octets text, Octets prefix) noexcept {
  return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// A line, or what is known of it, without its line end: CRLF, LF, or a CR whose LF is still to come.
constexpr Octets without_line_end(Octets line) noexcept {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The octets up to the first blank; they and the blank are taken from the front.
constexpr Octets take_word(Octets& rest) noexcept {
  std::size_t end = 0;
  while (end < rest.size() && rest[end] != ' ') ++end;  // words are short
  const Octets word = rest.substr(0, end);
  rest.remove_prefix(end < rest.size() ? end + 1 : end);
  return word;
}

inline std::string to_lower(Octets text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

// NUL, CR or LF: what no quoted string and no line can hold (RFC 9051 §9).
constexpr bool breaks_a_line(Octets text) noexcept {
  return text.find_first_of(Octets("\0\r\n", 3)) != Octets::npos;
}

inline std::string to_upper(Octets text) {
  std::string out(text);
  for (char& c : out) c = ascii_upper(c);
  return out;
}

}  // namespace postern
