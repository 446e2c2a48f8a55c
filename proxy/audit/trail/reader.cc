#include "audit/trail/reader.h"

#include <charconv>
#include <string>

namespace postern::audit {
namespace {

// What stands behind `,"key":`.
Octets value_in(Octets line, Octets key) {
  const std::string mark = ",\"" + std::string(key) + "\":";
  const std::size_t at = line.find(mark);
  return at == Octets::npos ? Octets() : line.substr(at + mark.size());
}

}  // namespace

Octets text_in(Octets line, Octets key) {
  Octets value = value_in(line, key);
  if (!value.starts_with('"')) return {};
  value.remove_prefix(1);
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '"') return value.substr(0, at);
    if (value[at] == '\\') ++at;
  }
  return {};
}

std::optional<std::uint64_t> number_in(Octets line, Octets key) {
  const Octets value = value_in(line, key);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

}  // namespace postern::audit
