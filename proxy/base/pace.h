// How fast something may go: so many a second, with a burst of one second's worth. A token bucket kept as one
// instant, up to which what was taken is paid for (the virtual scheduling of ITU-T I.371), so that it needs
// no lock and no timer. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace postern {

class Pace {
 public:
  static constexpr std::int64_t kSecond = 1'000'000'000;  // ns
  // The longest time that one call pays for; keeps sums far from the end of the clock.
  static constexpr std::int64_t kLongest = 1'000'000 * kSecond;

  // Takes the next turn: when it may be used, `now` at the earliest. Turns are given out one behind the
  // other, whoever asks. A rate of 0 is no limit.
  Instant take(std::uint64_t rate, Instant now) noexcept {
    if (rate == 0) return now;
    const std::int64_t interval = cost(1, rate);
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t paid = paid_until_.load(std::memory_order_relaxed);
    while (!paid_until_.compare_exchange_weak(paid, std::max(paid, at) + interval, std::memory_order_relaxed))
      continue;
    return Instant(Duration(std::max(at, paid - (kSecond - interval))));
  }

  // So many were used; more may be from free_at() on.
  void use(std::uint64_t count, std::uint64_t rate, Instant now) noexcept {
    if (rate == 0) return;
    const std::int64_t paid = std::max(paid_until_.load(std::memory_order_relaxed),
                                       static_cast<std::int64_t>(now.time_since_epoch().count()));
    paid_until_.store(paid + cost(count, rate), std::memory_order_relaxed);
  }
  // `burst`: so many may be used at once.
  Instant free_at(std::uint64_t burst, std::uint64_t rate) const noexcept {
    if (rate == 0) return Instant{};
    return Instant(Duration(paid_until_.load(std::memory_order_relaxed) - cost(burst, rate)));
  }

 private:
  static std::int64_t cost(std::uint64_t count, std::uint64_t rate) noexcept {
    const double ns = static_cast<double>(count) / static_cast<double>(rate) * static_cast<double>(kSecond);
    return ns >= static_cast<double>(kLongest) ? kLongest : static_cast<std::int64_t>(ns);
  }

  std::atomic<std::int64_t> paid_until_{0};
};

}  // namespace postern
