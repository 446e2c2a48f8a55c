// Rows of the field table that fill a member: fills<&Limits::line> of a key, holds<&Settings::limits> of a
// block. What a new struct holds in the member is the key's default, so that it is said once, where the
// member is declared. Used by field_table.cc.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/joined.h"
#include "base/secret.h"
#include "config/fields.h"
#include "config/reader.h"

namespace postern::config {

// How a value is written in the file.
template <typename Number>
requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>) std::string
    written(const Field& field, Number value) {
  return text_of_number(field, static_cast<std::uint64_t>(value));
}
inline std::string written(const Field& field, Duration value) {
  return text_of_number(field, milliseconds(value));
}
inline std::string written(const Field&, const std::string& value) { return value; }
inline std::string written(const Field&, const std::vector<std::string>& values) {
  return joined(
      values, [](const std::string& value) { return std::string_view(value); }, "|");
}
// Of these no default is but nothing.
inline std::string written(const Field&, const std::vector<Cidr>&) { return {}; }
inline std::string written(const Field&, const std::shared_ptr<const Secret>&) { return {}; }

template <typename Pointer>
struct PointerToMember;
template <typename Owner_, typename Value_>
struct PointerToMember<Value_ Owner_::*> {
  using Owner = Owner_;
  using Value = Value_;
};
template <auto Pointer>
using OwnerOf = typename PointerToMember<decltype(Pointer)>::Owner;
template <auto Pointer>
using ValueOf = typename PointerToMember<decltype(Pointer)>::Value;

// The member behind one pointer, or behind several that lead from struct to struct.
template <auto First, auto... Rest>
auto& follow(auto& owner) {
  if constexpr (sizeof...(Rest) == 0)
    return owner.*First;
  else
    return follow<Rest...>(owner.*First);
}

template <auto First, auto... Rest>
inline constexpr Member fills{&typeid(OwnerOf<First>),
                              [](const Reader& block, std::string_view key, void* owner) {
                                block.read(key, follow<First, Rest...>(*static_cast<OwnerOf<First>*>(owner)));
                              },
                              [](const Field& field) {
                                const OwnerOf<First> fresh{};
                                return written(field, follow<First, Rest...>(fresh));
                              },
                              nullptr, nullptr};

template <auto Part>
inline constexpr Member holds{
    &typeid(OwnerOf<Part>), nullptr, nullptr,
    [](void* owner) -> void* { return &(static_cast<OwnerOf<Part>*>(owner)->*Part); },
    &typeid(ValueOf<Part>)};

}  // namespace postern::config
