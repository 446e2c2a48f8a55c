#include "filters/mailbox_globs.h"

#include <algorithm>

namespace postern::filters {

MailboxGlobs::MailboxGlobs(const std::vector<std::string>& globs) : texts_(globs) {
  for (const std::string& text : texts_) {
    const auto number = static_cast<std::uint32_t>(globs_.size());
    const config::Glob& glob = globs_.emplace_back(text, config::GlobKind::Mailbox);
    if (glob.begin.empty() && !glob.end.empty()) {
      by_end_.add(number, {glob.end.rbegin(), glob.end.rend()});
    } else {
      by_begin_.add(number, std::string(glob.begin));
    }
  }
  by_begin_.sort();
  by_end_.sort();
}

void MailboxGlobs::Index::sort() {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
}

// Of [low, high), whose keys have the first `depth` octets in common and more than those: to the ones that go
// on with `octet`.
void MailboxGlobs::Index::narrow(char octet, std::size_t depth, std::size_t& low,
                                 std::size_t& high) const noexcept {
  const auto value = [](char c) { return static_cast<unsigned char>(c); };  // as the order compares them
  const auto begin = rows_.begin();
  const auto first = begin + static_cast<std::ptrdiff_t>(low);
  const auto last = begin + static_cast<std::ptrdiff_t>(high);
  const auto from =
      std::partition_point(first, last, [&](const Row& row) { return value(row.key[depth]) < value(octet); });
  const auto to = std::partition_point(from, last, [&](const Row& row) { return row.key[depth] == octet; });
  low = static_cast<std::size_t>(from - begin);
  high = static_cast<std::size_t>(to - begin);
}

bool MailboxGlobs::matches(std::uint32_t number, Octets path, Reach reach) const {
  return config::matches(globs_[number], path, reach);
}

}  // namespace postern::filters
