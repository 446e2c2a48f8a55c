// Every key of the configuration in one table: name, type, default, meaning, and whether this version has
// what it switches on. The JSON schema is printed from it and the file is checked against it, so the two
// cannot differ. Immutable, shared by all.
//
// Paths: "limits.line" is a key of a block; "listeners[].tls" is a key of each entry of a list of blocks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "config/node.h"

namespace postern::config {

enum class Type : std::uint8_t {
  Block,
  Text,
  Bare,      // text that may also be written as a boolean or a number, without quotes
  Secret,    // text that is never shown
  Path,      // a file, relative to the configuration's folder
  Address,   // host:port
  Network,   // CIDR
  Boolean,   // true, false
  Integer,   // low..high
  Duration,  // low..high in milliseconds
  Size,      // low..high in octets
  Choice,    // one of `choices`
  Version,   // a Choice among "1.2" and its like: also taken without quotes
};

enum class Shape : std::uint8_t { One, List, Either };  // Either: a value, or a list of such

enum class Need : std::uint8_t { Optional, Required };

// Fixed: known, but what it would switch on is not in this version; only the default is accepted.
enum class Support : std::uint8_t { Built, Fixed };

struct Field {
  std::string_view path;
  Type type = Type::Text;
  Shape shape = Shape::One;
  // As written in the file; the entries of a list joined by '|'. Of a required key, what an editor fills in.
  std::string_view fallback;
  std::string_view description;
  Support support = Support::Built;
  Need need = Need::Optional;
  std::string_view choices;  // joined by '|'
  std::uint64_t low = 0;
  std::uint64_t high = 0;  // 0: no bounds
};

std::span<const Field> fields() noexcept;  // field_table.cc; a block stands before its keys
const Field* find_field(std::string_view path) noexcept;
// The keys of a block ("" = the file itself; "listeners[]" = an entry of that list).
std::vector<const Field*> fields_in(std::string_view block);

std::string_view last_key(std::string_view path) noexcept;
std::vector<std::string_view> split_bar(std::string_view joined);

// Does this node say the same as the field's default? Only asked of nodes whose type was found right.
bool is_fallback(const Field& field, const Node& node);

}  // namespace postern::config
