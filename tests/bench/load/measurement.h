// What one run of the load generator counted. Filled by the runner, printed once as one line of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace postern::bench {

using Nanoseconds = std::uint64_t;

Nanoseconds now();  // monotonic

struct Measurement {
  // A client's delayed acknowledgement holds a server without TCP_NODELAY up for 40 ms.
  static constexpr Nanoseconds kStall = 35'000'000;

  std::vector<Nanoseconds> latencies;
  std::uint64_t errors = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t resumed = 0;
  std::uint64_t octets_received = 0;  // plain text
  std::uint64_t octets_sent = 0;
  Nanoseconds elapsed = 0;

  std::string json();  // sorts the latencies
};

}  // namespace postern::bench
