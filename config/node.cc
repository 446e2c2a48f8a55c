#include "config/node.h"

namespace postern::config {

const Entry* Node::entry(std::string_view key) const noexcept {
  for (const Entry& candidate : entries)
    if (candidate.key == key) return &candidate;
  return nullptr;
}

const Node* Node::find(std::string_view key) const noexcept {
  const Entry* found = entry(key);
  return found ? &found->value : nullptr;
}

}  // namespace postern::config
