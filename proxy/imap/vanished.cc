#include "imap/vanished.h"

#include <algorithm>

namespace postern::imap {
namespace {

constexpr std::uint64_t kMostUid = 0xFFFFFFFF;  // RFC 9051 §2.3.1.1

}  // namespace

void VanishedCount::feed(Octets octets) noexcept {
  for (const char c : octets) {
    if (ignored_) return;
    if (c >= '0' && c <= '9') {
      number_ = std::min(number_ * 10 + static_cast<std::uint64_t>(c - '0'), kMostUid);
      has_number_ = true;
    } else if (c == ':' && has_number_) {
      first_ = number_;
      has_first_ = true;
      number_ = 0;
      has_number_ = false;
    } else if (c == '(') {
      ignored_ = true;
    } else {
      end_range();
    }
  }
}

void VanishedCount::end_range() noexcept {
  if (has_number_) {
    const auto [low, high] = std::minmax(has_first_ ? first_ : number_, number_);
    count_ = std::min(count_ + (high - low + 1), kMostUid);
  }
  number_ = 0;
  has_number_ = has_first_ = false;
}

}  // namespace postern::imap
