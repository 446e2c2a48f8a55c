#include "load/measurement.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace postern::bench {

Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 + static_cast<Nanoseconds>(time.tv_nsec);
}

std::string Measurement::json() {
  std::sort(latencies.begin(), latencies.end());
  const auto quantile_us = [&](std::size_t hundredth) {
    if (latencies.empty()) return 0.0;
    return static_cast<double>(latencies[(latencies.size() - 1) * hundredth / 100]) / 1e3;
  };
  const auto fast = std::upper_bound(latencies.begin(), latencies.end(), kStall);
  std::array<char, 512> text;
  std::snprintf(
      text.data(), text.size(),
      "{\"operations\": %zu, \"errors\": %llu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
      "\"max_us\": %.1f, \"stalls\": %zu, \"handshakes\": %llu, \"resumed\": %llu, "
      "\"octets_received\": %llu, \"octets_sent\": %llu}",
      latencies.size(), static_cast<unsigned long long>(errors), static_cast<double>(elapsed) / 1e9,
      quantile_us(50), quantile_us(99), quantile_us(100), static_cast<std::size_t>(latencies.end() - fast),
      static_cast<unsigned long long>(handshakes), static_cast<unsigned long long>(resumed),
      static_cast<unsigned long long>(octets_received), static_cast<unsigned long long>(octets_sent));
  return text.data();
}

}  // namespace postern::bench
