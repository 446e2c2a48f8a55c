#include "config/suggest.h"

#include <algorithm>

namespace postern::config {
namespace {

constexpr std::size_t kWordMax = 40;  // longer ones are no misspelt keys, and the cost is a product

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // two rows up, for swaps
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > kWordMax) return {};
  // A third of the letters may be wrong; at least one, so that "usr" finds "user".
  std::size_t best = std::max<std::size_t>(word.size() / 3, 1) + 1;
  std::string_view nearest;
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kWordMax) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  if (nearest.empty()) return {};
  return " (did you mean '" + std::string(nearest) + "'?)";
}

}  // namespace postern::config
