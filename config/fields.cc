#include "config/fields.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "config/scalars.h"

namespace postern::config {
namespace {

// Two ways of writing one value (10m, 600s) compare equal.
std::string canonical(const Field& field, std::string_view text) {
  const std::optional<std::uint64_t> number = number_of(field, text);
  return number ? std::to_string(*number) : std::string(text);
}

// A default is written as people say it: 60s rather than 1m.
std::string written_duration(std::uint64_t ms) {
  const bool in_seconds = ms % 1000 == 0 && ms < 120'000 && ms > 0;
  return in_seconds ? std::to_string(ms / 1000) + "s" : text_of(std::chrono::milliseconds(ms));
}

bool is_fallback_list(const Field& field, const Node& node) {
  const std::string fallback = fallback_of(field);
  const std::vector<std::string_view> wanted = split_bar(fallback);
  if (node.items.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (node.items[i].kind != Node::Kind::Scalar || node.items[i].text != wanted[i]) return false;
  return true;
}

// "limits.line" is in "limits"; "listeners[].name" in "listeners[]".
std::string_view block_of(std::string_view path) noexcept {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

}  // namespace

const Field* find_field(std::string_view path) noexcept {
  for (const Field& field : fields())
    if (field.path == path) return &field;
  return nullptr;
}

std::vector<const Field*> fields_in(std::string_view block) {
  std::vector<const Field*> out;
  for (const Field& field : fields())
    if (block_of(field.path) == block) out.push_back(&field);
  return out;
}

std::string_view last_key(std::string_view path) noexcept {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::vector<std::string_view> split_bar(std::string_view joined) {
  std::vector<std::string_view> out;
  while (!joined.empty()) {
    const std::size_t bar = joined.find('|');
    out.push_back(joined.substr(0, bar));
    joined.remove_prefix(bar == std::string_view::npos ? joined.size() : bar + 1);
  }
  return out;
}

std::string fallback_of(const Field& field) {
  if (!field.written_default.empty() || field.member.fallback == nullptr)
    return std::string(field.written_default);
  return field.member.fallback(field);
}

std::optional<std::uint64_t> number_of(const Field& field, std::string_view text) noexcept {
  switch (field.type) {
    case Type::Boolean:
      return parse_boolean(text);
    case Type::Integer:
      return parse_integer(text);
    case Type::Duration:
      if (const auto value = parse_duration(text)) return milliseconds(*value);
      return std::nullopt;
    case Type::Size:
      return parse_size(text);
    case Type::Choice: {
      const std::vector<std::string_view> choices = split_bar(field.choices);
      const auto found = std::find(choices.begin(), choices.end(), text);
      if (found == choices.end()) return std::nullopt;
      return static_cast<std::uint64_t>(found - choices.begin());
    }
    case Type::Version:
      if (const auto value = parse_tls_version(text)) return static_cast<std::uint64_t>(*value);
      return std::nullopt;
    case Type::Block:
    case Type::Text:
    case Type::Bare:
    case Type::Secret:
    case Type::Path:
    case Type::Address:
    case Type::Network:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string text_of_number(const Field& field, std::uint64_t number) {
  switch (field.type) {
    case Type::Boolean:
      return number != 0 ? "true" : "false";
    case Type::Duration:
      return written_duration(number);
    case Type::Size:
      return text_of_size(number);
    case Type::Choice:
      return std::string(split_bar(field.choices)[number]);
    case Type::Version:
      return std::string(name_of(static_cast<TlsVersion>(number)));
    case Type::Integer:
    case Type::Block:
    case Type::Text:
    case Type::Bare:
    case Type::Secret:
    case Type::Path:
    case Type::Address:
    case Type::Network:
      return std::to_string(number);
  }
  return {};
}

bool is_fallback(const Field& field, const Node& node) {
  if (node.kind == Node::Kind::Null) return true;
  if (field.type == Type::Block) {
    // A list of blocks is off when it is empty; a single block that is Fixed as a whole must not be there.
    return field.shape == Shape::List && node.items.empty();
  }
  if (node.kind == Node::Kind::List) return is_fallback_list(field, node);
  return canonical(field, node.text) == canonical(field, fallback_of(field));
}

}  // namespace postern::config
