#include "imap/arguments.h"

#include <algorithm>
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

// How far an argument reaches that is neither quoted nor a literal.
using Run = std::size_t (*)(Octets);

std::size_t astring_run(Octets text) { return grammar::run(text, grammar::kAstring); }

std::size_t run_with(Octets text, Octets more) {
  std::size_t size = 0;
  while (size < text.size() &&
         (grammar::is(text[size], grammar::kAstring) || more.find(text[size]) != Octets::npos))
    ++size;
  return size;
}

// list-mailbox = 1*list-char, which is an ASTRING-CHAR or a wildcard (RFC 9051 §9).
std::size_t pattern_run(Octets text) { return run_with(text, "%*"); }

// Passwords are made by people, and clients send them as they are; what they mean is plain.
std::size_t password_run(Octets text) { return run_with(text, "%*\\"); }

template <typename Out>
std::optional<Out> take_string(Octets& rest, Run run) {
  std::optional<Out> out(std::in_place);
  Octets left = rest;
  bool taken = false;
  if (left.starts_with('"')) {
    taken = take_quoted(left, *out);
  } else if (left.starts_with('{')) {
    taken = take_literal(left, *out);
  } else {
    const std::size_t size = run(left);
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

// A quoted string or a literal of any size, at the front of `rest`; its value is not wanted.
bool skip_quoted(Octets& rest) {
  for (std::size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] == '\\') {
      ++at;
    } else if (rest[at] == '"') {
      rest.remove_prefix(at + 1);
      return true;
    }
  }
  return false;
}

bool skip_literal(Octets& rest) {
  std::size_t size = 0;
  const std::size_t brace = rest.find('{');
  const auto [end, failure] = std::from_chars(rest.data() + brace + 1, rest.data() + rest.size(), size);
  if (failure != std::errc()) return false;
  const Octets behind = rest.substr(static_cast<std::size_t>(end - rest.data()));
  if (!behind.starts_with("}\r\n") || behind.size() - 3 < size) return false;
  rest = behind.substr(3 + size);
  return true;
}

}  // namespace

std::optional<Octets> ArgumentReader::atom() {
  const std::size_t size = grammar::run(rest_, grammar::kAtom);
  if (size == 0 || size > kDecodedBytes) return std::nullopt;
  const Octets atom = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return atom;
}

std::optional<std::string> ArgumentReader::astring() { return take_string<std::string>(rest_, astring_run); }

std::optional<Secret> ArgumentReader::secret_astring() { return take_string<Secret>(rest_, password_run); }

std::optional<std::string> ArgumentReader::pattern() { return take_string<std::string>(rest_, pattern_run); }

bool ArgumentReader::skip() {
  Octets left = rest_;
  std::size_t depth = 0;
  do {
    if (left.empty() || (depth == 0 && (left.front() == ' ' || left.front() == ')'))) return false;
    if (left.front() == '"') {
      if (!skip_quoted(left)) return false;
    } else if (left.starts_with('{') || left.starts_with("~{")) {
      if (!skip_literal(left)) return false;
    } else if (left.front() == '(' || left.front() == ')' || left.front() == ' ') {
      if (left.front() == '(') ++depth;
      if (left.front() == ')') --depth;
      left.remove_prefix(1);
    } else {
      left.remove_prefix(std::min(left.find_first_of(" ()\""), left.size()));
    }
  } while (depth > 0);
  rest_ = left;
  return true;
}

bool ArgumentReader::take(char c) {
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

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

namespace {

// seq-number (RFC 9051 §9): "*", or a number without a leading zero.
bool take_number(Octets& text) noexcept {
  std::size_t size = text.starts_with('*') ? 1 : 0;
  if (size == 0 && !text.starts_with('0')) size = grammar::run(text, grammar::kDigit);
  text.remove_prefix(size);
  return size > 0;
}

}  // namespace

bool is_sequence_set(Octets text) noexcept {
  for (;;) {
    if (text == "$") return true;
    if (!take_number(text)) return false;
    if (text.starts_with(':')) {
      text.remove_prefix(1);
      if (!take_number(text)) return false;
    }
    if (text.empty()) return true;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
  }
}

}  // namespace postern::imap
