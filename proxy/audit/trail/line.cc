#include "audit/trail/line.h"

#include <algorithm>
#include <charconv>

#include "audit/trail/json.h"

namespace postern::audit {
namespace {

bool take(Octets& rest, Octets text) noexcept {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

// What stands up to the next quote.
Octets take_text(Octets& rest) noexcept {
  const Octets text = rest.substr(0, rest.find('"'));
  rest.remove_prefix(text.size());
  return text;
}

// Lower case only: there is one way to write a record.
bool read_hash(Octets digits, tls::Sha256& out) noexcept {
  const auto value = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (digits.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = value(digits[2 * i]), low = value(digits[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

// Takes `,"name":"<64 digits>"` from the end.
bool take_hash(Octets& rest, Octets name, tls::Sha256& out) noexcept {
  const std::size_t size = name.size() + 2 * out.size() + 1;
  if (rest.size() < size || !rest.ends_with('"')) return false;
  const Octets field = rest.substr(rest.size() - size);
  if (!field.starts_with(name) || !read_hash(field.substr(name.size(), 2 * out.size()), out)) return false;
  rest.remove_suffix(size);
  return true;
}

}  // namespace

std::optional<Line> read_line(Octets line, bool chained) {
  Line out;
  if (line.size() > kLineBytes || !line.ends_with('}')) return std::nullopt;
  if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return std::nullopt;
  Octets rest = line;
  if (!take(rest, R"({"ts":")")) return std::nullopt;
  take_text(rest);
  if (!take(rest, R"(","seq":)")) return std::nullopt;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.sequence);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (!take(rest, R"(,"event":")")) return std::nullopt;
  out.event = take_text(rest);
  if (!rest.starts_with('"')) return std::nullopt;
  out.content = line;
  if (!chained) return out;
  Octets sealed = line.substr(0, line.size() - 1);
  if (!take_hash(sealed, R"(,"hash":")", out.hash)) return std::nullopt;
  out.content = sealed;
  if (!take_hash(sealed, R"(,"prev":")", out.previous)) return std::nullopt;
  return out;
}

}  // namespace postern::audit
