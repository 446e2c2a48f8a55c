#include "config/fields.h"

#include <string>

#include "config/scalars.h"

namespace postern::config {
namespace {

// Two ways of writing one value (10m, 600s) compare equal.
std::string canonical(const Field& field, std::string_view text) {
  switch (field.type) {
    case Type::Duration:
      if (const auto value = parse_duration(text)) return std::to_string(value->count());
      break;
    case Type::Size:
      if (const auto value = parse_size(text)) return std::to_string(*value);
      break;
    case Type::Block:
    case Type::Text:
    case Type::Bare:
    case Type::Secret:
    case Type::Path:
    case Type::Address:
    case Type::Network:
    case Type::Boolean:
    case Type::Integer:
    case Type::Choice:
    case Type::Version:
      break;
  }
  return std::string(text);
}

bool is_fallback_list(const Field& field, const Node& node) {
  const std::vector<std::string_view> wanted = split_bar(field.fallback);
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

bool is_fallback(const Field& field, const Node& node) {
  if (node.kind == Node::Kind::Null) return true;
  if (field.type == Type::Block) {
    // A list of blocks is off when it is empty; a single block that is Fixed as a whole must not be there.
    return field.shape == Shape::List && node.items.empty();
  }
  if (node.kind == Node::Kind::List) return is_fallback_list(field, node);
  return canonical(field, node.text) == canonical(field, field.fallback);
}

}  // namespace postern::config
