// "did you mean": the nearest of some words by edit distance, for misspelt keys, values and names. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

// The number of insertions, deletions, replacements and swaps of neighbours between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);

// " (did you mean 'x'?)", or nothing if no candidate is near.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace postern::config
