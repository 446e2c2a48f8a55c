// Every key of the configuration in one table: name, type, default, meaning, and whether this version has
// what it switches on. The JSON schema is printed from it and the file is checked against it, so the two
// cannot differ. Immutable, shared by all.
//
// Paths: "limits.line" is a key of a block; "listeners[].tls" is a key of each entry of a list of blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
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

class Reader;
struct Field;

// Where in Settings a key's value goes: member.h makes one of a pointer to the member. A struct is handed
// over as void*, since the rows of many structs stand in one table; `owner` says which one is meant.
struct Member {
  const std::type_info* owner = nullptr;  // null: the table fills nothing, decode.cc may
  // Of a key: reads it from its block into the owner.
  void (*read)(const Reader& block, std::string_view key, void* owner) = nullptr;
  // Of a key: what a new owner holds, as it is written in the file.
  std::string (*fallback)(const Field& field) = nullptr;
  // Of a block: the struct in the owner that its keys fill.
  void* (*part)(void* owner) = nullptr;
  const std::type_info* part_kind = nullptr;

  // Of a key that decode.cc reads.
  static constexpr Member of_default(std::string (*written)(const Field& field)) {
    return {nullptr, nullptr, written, nullptr, nullptr};
  }
};

struct Field {
  std::string_view path;
  Type type = Type::Text;
  Shape shape = Shape::One;
  std::string_view written_default;  // where no member says it; fallback_of() tells which
  Member member;
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

// The default, as written in the file; the entries of a list joined by '|'. Of a required key, what an editor
// fills in.
std::string fallback_of(const Field& field);

// A value that is held as a number: booleans are 0 and 1, durations milliseconds, sizes octets, a choice its
// place among `choices`, a version its TlsVersion. Nothing for texts, and for what the type does not take.
std::optional<std::uint64_t> number_of(const Field& field, std::string_view text) noexcept;
std::string text_of_number(const Field& field, std::uint64_t number);

// Does this node say the same as the field's default? Only asked of nodes whose type was found right.
bool is_fallback(const Field& field, const Node& node);

}  // namespace postern::config
