// A peer's octets as printable UTF-8 on one line: controls, DEL, quotes, the line separators U+2028 and
// U+2029, the marks that turn the direction of writing and octets that are no UTF-8 come out escaped, so that
// nobody forges a line or steers a terminal. For log lines and for the audit trail. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

enum class EscapeStyle : std::uint8_t {
  // In quotes or not: \n \r \t, \xNN for a control or a stray octet, \uNNNN.
  Text,
  // In a JSON string; a stray octet as \u00NN, read back as the character of that number.
  Json,
  // In a JSON string; a stray octet as \\xNN, read back as the four characters \xNN; a backslash ahead of an
  // x
  // as \\x5c. So what was there can be told from what is read back: each \xNN is one octet.
  Record,
  // For a terminal, from text that was read back: nothing but what is harmful is escaped.
  Terminal,
};

struct EscapeBounds {
  std::size_t taken = std::string_view::npos;    // octets of the value
  std::size_t written = std::string_view::npos;  // octets that are appended, the dots included; at least 3
};

// Nothing in it is escaped in any style: printable ASCII without quotes and backslashes.
bool is_plain_text(std::string_view value) noexcept;

// What does not fit is cut off between two characters, and "..." written instead. Returns whether the text
// form needs quotes: it is empty, or has a blank, a quote, a "=" or anything escaped.
bool append_escaped(std::string& out, std::string_view value, EscapeStyle style, EscapeBounds bounds = {});

// RFC 3339, UTC; `digits` of the second's fraction, 3 or 6. Years 0 to 9999.
void append_timestamp(std::string& out, std::int64_t unix_us, int digits);

}  // namespace postern
