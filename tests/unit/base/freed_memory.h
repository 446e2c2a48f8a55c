// Looks at array memory before it is freed: the only way to see that it was wiped without reading memory that
// is no longer ours. All array memory of the test binary comes through freed_memory.cc, which replaces
// operator delete[]. Counts for one thread, while a Watch lives.
#pragma once

#include <string_view>

namespace postern::testing {

inline constexpr std::string_view kCanary = "correct-horse-battery-staple";

class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  int blocks() const;    // freed while watching
  int canaries() const;  // of those, the blocks that still held (half of) the canary
};

}  // namespace postern::testing
