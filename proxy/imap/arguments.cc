#include "imap/arguments.h"

#include <charconv>

#include "imap/grammar.h"

namespace postern::imap {
namespace {

void add(std::string& out, Octets octets) { out.append(octets); }
void add(Secret& out, Octets octets) { out.append(octets); }

// A quoted string at the front of `rest` (RFC 9051 §4.3: only the quote and the backslash are escaped).
template <typename Out>
bool take_quoted(Octets& rest, Out& out) {
  std::size_t at = 1;
  std::size_t decoded = 0;
  while (at < rest.size()) {
    const std::size_t end = rest.find_first_of("\"\\", at);
    if (end == Octets::npos) return false;
    decoded += end - at;
    if (decoded > ArgumentReader::kDecodedBytes) return false;
    add(out, rest.substr(at, end - at));
    if (rest[end] == '"') {
      rest.remove_prefix(end + 1);
      return true;
    }
    if (end + 1 == rest.size() || (rest[end + 1] != '"' && rest[end + 1] != '\\')) return false;
    if (++decoded > ArgumentReader::kDecodedBytes) return false;
    add(out, rest.substr(end + 1, 1));
    at = end + 2;
  }
  return false;
}

// A literal as Command::text holds it: `{n}CRLF` and n octets. NUL is in no string (RFC 9051 §9, CHAR8).
template <typename Out>
bool take_literal(Octets& rest, Out& out) {
  std::size_t size = 0;
  const auto [end, failure] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), size);
  if (failure != std::errc() || size > ArgumentReader::kDecodedBytes) return false;
  Octets behind = rest.substr(static_cast<std::size_t>(end - rest.data()));
  if (!behind.starts_with("}\r\n") || behind.size() - 3 < size) return false;
  const Octets octets = behind.substr(3, size);
  if (octets.find('\0') != Octets::npos) return false;
  add(out, octets);
  rest = behind.substr(3 + size);
  return true;
}

template <typename Out>
std::optional<Out> take_astring(Octets& rest) {
  std::optional<Out> out(std::in_place);
  Octets left = rest;
  bool taken = false;
  if (left.starts_with('"')) {
    taken = take_quoted(left, *out);
  } else if (left.starts_with('{')) {
    taken = take_literal(left, *out);
  } else {
    const std::size_t size = grammar::run(left, grammar::kAstring);
    taken = size > 0 && size <= ArgumentReader::kDecodedBytes;
    if (taken) add(*out, left.substr(0, size));
    left.remove_prefix(size);
  }
  // What follows ends it, so that no reader can see the argument longer (`~{5}` is no atom, `"a"b` no
  // string).
  if (!taken || !(left.empty() || left.front() == ' ' || left.front() == ')')) return std::nullopt;
  rest = left;
  return out;
}

}  // namespace

std::optional<Octets> ArgumentReader::atom() {
  const std::size_t size = grammar::run(rest_, grammar::kAtom);
  if (size == 0 || size > kDecodedBytes) return std::nullopt;
  const Octets atom = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return atom;
}

std::optional<std::string> ArgumentReader::astring() { return take_astring<std::string>(rest_); }

std::optional<Secret> ArgumentReader::secret_astring() { return take_astring<Secret>(rest_); }

bool ArgumentReader::space() {
  if (!rest_.starts_with(' ') || rest_.starts_with("  ")) return false;
  rest_.remove_prefix(1);
  return true;
}

bool is_id_argument(Octets args) noexcept {
  constexpr int kPairs = 30;
  const auto is_string = [](ArgumentReader& reader) {
    return (reader.rest().starts_with('"') || reader.rest().starts_with('{')) && reader.astring().has_value();
  };
  const auto is_nil = [](ArgumentReader& reader) {
    const auto atom = reader.atom();
    return atom && equals_ignoring_case(*atom, "NIL");
  };
  ArgumentReader reader(args);
  if (!args.starts_with('(')) return is_nil(reader) && reader.at_end();
  if (args == "()") return true;
  reader = ArgumentReader(args.substr(1));
  for (int pair = 0; pair < kPairs; ++pair) {
    if (pair > 0 && !reader.space()) return false;
    if (!is_string(reader) || !reader.space()) return false;
    if (!is_string(reader) && !is_nil(reader)) return false;
    if (reader.rest() == ")") return true;
  }
  return false;
}

}  // namespace postern::imap
