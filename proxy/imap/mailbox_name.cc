#include "imap/mailbox_name.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/hex.h"

namespace postern::imap {
namespace {

constexpr Octets kInbox = "INBOX";
constexpr Octets kEscape = "\xEF\xBF\xBD";  // U+FFFD

std::uint8_t octet_of(char c) noexcept { return static_cast<std::uint8_t>(c); }

bool is_ascii(Octets text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return octet_of(c) < 0x80; });
}

void escape(std::string& out, char c) {
  out += kEscape;
  append_hex(out, c, HexCase::Upper);
}

// Well-formed UTF-8 stays (no surrogates, no overlong forms), every other octet is escaped.
std::string as_utf8(Octets name) {
  if (is_ascii(name)) return std::string(name);
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t taken = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                                                    static_cast<utf8proc_ssize_t>(name.size()), &point);
    if (taken > 0) {
      out += name.substr(0, static_cast<std::size_t>(taken));
      name.remove_prefix(static_cast<std::size_t>(taken));
    } else {
      escape(out, name.front());
      name.remove_prefix(1);
    }
  }
  return out;
}

void append_point(std::string& out, std::int32_t point) {
  std::array<utf8proc_uint8_t, 4> octets{};
  const utf8proc_ssize_t size = utf8proc_encode_char(point, octets.data());
  out.append(reinterpret_cast<const char*>(octets.data()), static_cast<std::size_t>(size));
}

// --- modified UTF-7 (RFC 3501 §5.1.3) ----------------------------------------------------------------------

// The value of a digit of modified BASE64; -1 for any other octet.
int digit_of(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == ',' ? 63 : -1;
}

enum class Manner : std::uint8_t {
  Strict,   // exactly what an encoder writes
  Lenient,  // encoded printable ASCII, needless shifts, bits left over, no "-" at the end, 8-bit octets
};

// The text behind "&", up to the "-" that ends it; both are taken. False: it cannot be decoded.
bool take_shifted(Octets& rest, Manner manner, std::string& out) {
  const bool strict = manner == Manner::Strict;
  std::uint32_t bits = 0;
  int held = 0;
  std::uint32_t high = 0;  // the first half of a surrogate pair
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    const int digit = digit_of(rest[at]);
    if (digit < 0) break;
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xFFFFFF;
    held += 6;
    if (held < 16) continue;
    held -= 16;
    const std::uint32_t unit = bits >> held & 0xFFFF;
    bits &= (1U << held) - 1;
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    if (low != (high != 0)) return false;
    if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
      continue;
    }
    if (strict && unit >= 0x20 && unit < 0x7F) return false;
    const std::uint32_t point = low ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : unit;
    high = 0;
    append_point(out, static_cast<std::int32_t>(point));
  }
  // Fewer bits than a digit's may be left over, and they are zero.
  if (at == 0 || high != 0 || held >= 6 || (strict && bits != 0)) return false;
  const bool closed = at < rest.size() && rest[at] == '-';
  if (strict && !closed) return false;
  rest.remove_prefix(at + (closed ? 1 : 0));
  // A second shift at once would have been one with the first.
  return !strict || !rest.starts_with('&') || rest.starts_with("&-");
}

std::optional<std::string> decode(Octets name, Manner manner) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const std::size_t run = std::min(name.find('&'), name.size());
    const Octets plain = name.substr(0, run);
    if (manner == Manner::Lenient) {
      out += as_utf8(plain);
    } else if (std::all_of(plain.begin(), plain.end(), [](char c) { return c >= 0x20 && c < 0x7F; })) {
      out += plain;
    } else {
      return std::nullopt;
    }
    name.remove_prefix(run);
    if (name.empty()) break;
    name.remove_prefix(1);
    if (name.starts_with('-')) {
      out += '&';
      name.remove_prefix(1);
    } else if (!take_shifted(name, manner, out)) {
      return std::nullopt;
    }
  }
  return out;
}

// --- NFC (UAX #15) -----------------------------------------------------------------------------------------

using Points = std::vector<utf8proc_int32_t>;

int combining_class(utf8proc_int32_t point) noexcept { return utf8proc_get_property(point)->combining_class; }

void decompose(utf8proc_int32_t point, int folding, Points& out) {
  std::array<utf8proc_int32_t, 16> parts{};  // a canonical decomposition has at most four, a folded one more
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      point, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | folding), &boundary);
  if (count <= 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back(point);
  } else {
    out.insert(out.end(), parts.begin(), parts.begin() + count);
  }
}

// Marks in canonical order. The library's own way through a run of marks is quadratic, and a client chooses
// how long it is.
void order_marks(Points& points) {
  for (auto at = points.begin(); at != points.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end =
        std::find_if(at, points.end(), [](utf8proc_int32_t point) { return combining_class(point) == 0; });
    std::stable_sort(at, end, [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining_class(a) < combining_class(b);
    });
    at = end;
  }
}

// `folding`: 0, or UTF8PROC_CASEFOLD. The text is not plain ASCII.
std::string composed(Octets text, int folding) {
  Points points;
  points.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t taken = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                    static_cast<utf8proc_ssize_t>(text.size()), &point);
    if (taken <= 0) break;  // the caller's text is valid
    decompose(point, folding, points);
    text.remove_prefix(static_cast<std::size_t>(taken));
  }
  order_marks(points);
  const utf8proc_ssize_t count =
      utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  std::string out;
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_point(out, points[static_cast<std::size_t>(i)]);
  return out;
}

}  // namespace

NameReadings read_mailbox_name(Octets name, NameEncoding encoding) {
  const bool shifts = name.find('&') != Octets::npos;
  NameReadings readings{as_utf8(name), std::nullopt};
  if (!shifts) return readings;
  if (encoding == NameEncoding::ModifiedUtf7) {
    if (std::optional<std::string> strict = decode(name, Manner::Strict)) {
      readings.text = std::move(*strict);
      return readings;
    }
  }
  readings.other = decode(name, Manner::Lenient);
  if (readings.other == readings.text) readings.other.reset();
  return readings;
}

std::string canonical_name(Octets text, char separator) {
  std::string path;
  path.reserve(text.size());
  bool level_begins = false;
  for (const char c : text) {
    if (c == separator && separator != '\0') {
      level_begins = !path.empty();
      continue;
    }
    if (level_begins) path += '/';
    level_begins = false;
    if (c == '/') {
      escape(path, c);
    } else {
      path += c;
    }
  }
  if (!is_ascii(path)) path = composed(path, 0);
  const Octets first = Octets(path).substr(0, path.find('/'));
  if (equals_ignoring_case(first, kInbox)) path.replace(0, kInbox.size(), kInbox);
  return path;
}

std::string folded_name(Octets text) {
  if (!is_ascii(text)) return composed(text, UTF8PROC_CASEFOLD);
  return to_lower(text);
}

}  // namespace postern::imap
