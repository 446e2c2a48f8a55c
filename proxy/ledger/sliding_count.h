// Counts what happened in the last while, in slots: constant memory, whatever the count. With a window of so
// many slots' width as there are slots, something is forgotten up to one slot early; with one slot more than
// that, up to one slot late.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/time.h"

namespace postern::server {

template <typename Count, int kSlots>
class SlidingCount {
 public:
  // Moves on to `now` and adds up what is left. What was counted in slots of another width is forgotten.
  std::uint64_t sum(Duration width, Instant now) noexcept {
    const std::int64_t newest = now.time_since_epoch().count() / std::max<std::int64_t>(1, width.count());
    if (width != width_ || newest - newest_ >= kSlots) {
      slots_.fill(0);
      newest_ = newest;
    }
    width_ = width;
    for (; newest_ < newest;) slot(++newest_) = 0;
    return total();
  }
  // In the slot that sum() moved to. Saturates.
  void add(std::uint64_t n) noexcept {
    constexpr std::uint64_t kMost = std::numeric_limits<Count>::max();
    Count& here = slot(newest_);
    here = static_cast<Count>(n > kMost - here ? kMost : here + n);
  }
  // Of what was added at `then`: as much as is still counted. Returns how much that was.
  std::uint64_t take_back(std::uint64_t n, Instant then) noexcept {
    const std::int64_t number = then.time_since_epoch().count() / std::max<std::int64_t>(1, width_.count());
    if (number > newest_ || newest_ - number >= kSlots) return 0;
    Count& there = slot(number);
    const Count taken = static_cast<Count>(std::min<std::uint64_t>(n, there));
    there = static_cast<Count>(there - taken);
    return taken;
  }
  // As of the last sum().
  std::uint64_t total() const noexcept {
    std::uint64_t all = 0;
    for (const Count each : slots_) all += each;
    return all;
  }
  Duration width() const noexcept { return width_; }
  void clear() noexcept { slots_.fill(0); }

 private:
  Count& slot(std::int64_t number) noexcept { return slots_[static_cast<std::size_t>(number % kSlots)]; }

  std::array<Count, static_cast<std::size_t>(kSlots)> slots_{};
  std::int64_t newest_ = 0;  // the slot number that slots_[newest_ % kSlots] stands for
  Duration width_{};
};

}  // namespace postern::server
