// Typed reading of one block of the tree: the value of a key, or what stands in for it. A scalar that
// validate() refused counts as absent, so faults are reported once. Borrows the tree. Used by decode.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/fields.h"
#include "config/node.h"
#include "config/scalars.h"

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

  void read(std::string_view key, std::string& out) const;
  void read(std::string_view key, bool& out) const;
  void read(std::string_view key, int& out) const;
  void read(std::string_view key, std::uint64_t& out) const;
  void read(std::string_view key, Duration& out) const;
  void read(std::string_view key, TlsVersion& out) const;
  void read(std::string_view key, std::vector<std::string>& out) const;
  void read_size(std::string_view key, std::uint64_t& out) const;
  void read_path(std::string_view key, std::string& out) const;  // absolute; "" and "-" stay
  // The position of the value among the field's choices.
  template <typename Choice>
  void read_choice(std::string_view key, Choice& out) const {
    const int found = choice(key);
    if (found >= 0) out = static_cast<Choice>(found);
  }

 private:
  const Field& field(std::string_view key) const;
  int choice(std::string_view key) const;

  const Node* node_;
  std::string path_;
  const std::string* folder_;
};

}  // namespace postern::config
