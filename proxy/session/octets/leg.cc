#include "session/octets/leg.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace postern::session {

void LegOctets::take(Octets plain) {
  received_ += plain.size();
  if (held() == 0) {
    borrowed_ = stable_ = plain;
    return;
  }
  if (!borrowed_.empty()) kept_.append(std::exchange(borrowed_, {}));
  kept_.append(plain);
}

Octets LegOctets::next() const noexcept { return kept_.empty() ? borrowed_ : kept_.front(); }

void LegOctets::consume(std::size_t octets) {
  if (octets == 0) return;
  if (kept_.empty()) {
    borrowed_.remove_prefix(std::min(octets, borrowed_.size()));
  } else {
    kept_.drop(octets);
  }
}

void LegOctets::drop() {
  kept_.clear();
  borrowed_ = {};
}

void LegOctets::keep(std::size_t limit) {
  if (!borrowed_.empty()) kept_.append(std::exchange(borrowed_, {}));
  stable_ = {};
  out.keep();
  paused_ = out.size() >= (paused_ ? limit / 2 : limit);
}

bool LegOctets::lends(Octets range) const noexcept {
  const std::less_equal<const char*> le;
  return le(stable_.data(), range.data()) && le(range.data() + range.size(), stable_.data() + stable_.size());
}

bool LegOctets::lends_line_end(Octets line) const noexcept {
  const char* end = line.data() + line.size();
  return lends(line) && stable_.data() + stable_.size() - end >= 2 && end[0] == '\r' && end[1] == '\n';
}

}  // namespace postern::session
