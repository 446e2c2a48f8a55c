// The configuration file as a tree: what the text says, before anybody knows what it means. Every node keeps
// its place, so that each later stage can point at it. Made by document.cc, read by validate and decode;
// plain values, single-threaded, gone once the Settings exist.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

// 1-based; the column counts characters, not octets. Line 0: the file as a whole.
struct Place {
  int line = 0;
  int column = 0;
};

struct Entry;

struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  bool quoted = false;       // "1.2" and 1.2 are told apart
  bool substituted = false;  // holds what a ${...} stood for: may be a secret, is never shown
  bool broken = false;       // already reported (an alias, a missing variable): nobody reports it again
  Place place;
  std::string text;            // Scalar
  std::vector<Node> items;     // List
  std::vector<Entry> entries;  // Map, in the order of the file, without duplicates

  const Entry* entry(std::string_view key) const noexcept;
  const Node* find(std::string_view key) const noexcept;
};

struct Entry {
  std::string key;
  Place place;
  Node value;
};

}  // namespace postern::config
