// Words for a reader: "a, b, c". Pure.
#pragma once

#include <string>
#include <string_view>

namespace postern {

// `word_of` makes a text of an item.
template <typename Items, typename WordOf>
std::string joined(const Items& items, WordOf word_of, std::string_view between = ", ") {
  std::string out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += between;
    first = false;
    out += word_of(item);
  }
  return out;
}

template <typename Words>
std::string joined(const Words& words) {
  return joined(words, [](std::string_view word) { return word; });
}

}  // namespace postern
