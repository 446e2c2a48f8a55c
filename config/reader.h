// Typed reading of one block of the tree: the value of a key, or what stands in for it. A scalar that
// validate() refused counts as absent, so faults are reported once. Borrows the tree. Used by decode.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "config/fields.h"
#include "config/node.h"
#include "config/values.h"

namespace postern::config {

class Reader {
 public:
  // `node` may be null or no block: everything then has its default. `path` is the block's in the field
  // table.
  Reader(const Node* node, std::string path, const std::string& folder);

  Reader block(std::string_view key) const;
  std::vector<Reader> blocks(std::string_view key) const;  // one for each entry of a list

  const Node* scalar(std::string_view key) const;                // null if absent or faulty
  std::vector<const Node*> scalars(std::string_view key) const;  // of a list; of Shape::Either, also the one
  Place place_of(std::string_view key) const;                    // of the value, else of the block

  // What the table says is in `out`'s members: every simple key of this block, and of the blocks in it that
  // are no lists. What the file does not say stays as it is.
  template <typename Struct>
  void fill(Struct& out) const {
    fill(&out, typeid(Struct));
  }

  void read(std::string_view key, std::string& out) const;  // of Type::Path: absolute; "" and "-" stay
  void read(std::string_view key, Duration& out) const;
  void read(std::string_view key, std::vector<std::string>& out) const;
  void read(std::string_view key, std::vector<Cidr>& out) const;
  void read(std::string_view key, std::shared_ptr<const Secret>& out) const;  // null: none, or an empty one
  template <typename Number>
  requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>) void read(std::string_view key,
                                                                             Number& out) const {
    if (const std::optional<std::uint64_t> found = number(key)) out = static_cast<Number>(*found);
  }

 private:
  const Field& field(std::string_view key) const;
  std::optional<std::uint64_t> number(std::string_view key) const;
  void fill(void* out, const std::type_info& kind) const;

  const Node* node_;
  std::string path_;
  const std::string* folder_;
};

}  // namespace postern::config
