// Monotonic time as a value. Layers 0 to 3 are handed an Instant and never read a clock themselves, so that
// the simulator can run them under a virtual one.
#pragma once

#include <chrono>
#include <cstdint>

namespace postern {

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock, Duration>;
  static constexpr bool is_steady = true;  // there is no now(): net stamps it from uv_hrtime()
};
using Instant = MonotonicClock::time_point;

constexpr Instant instant_from_ns(std::uint64_t ns) noexcept {
  return Instant(Duration(static_cast<Duration::rep>(ns)));
}

// Whole ones, for libuv and for logs; 0 for what is shorter or negative.
constexpr std::uint64_t milliseconds(Duration duration) noexcept {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return whole < 0 ? 0 : static_cast<std::uint64_t>(whole);
}

}  // namespace postern
