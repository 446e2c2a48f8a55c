// The time that a client has for its TLS handshake or to log in. It stands still while the upstream, or the
// penalty for a wrong password, is waited for: the client would be told that it is slow for what others did.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace postern::session {

class PhaseClock {
 public:
  void start(Instant until) noexcept { until_ = until; }
  Instant until() const noexcept { return until_; }

  void stop(Instant now) noexcept { stopped_ = std::min(stopped_, now); }
  void go_on(Instant now) noexcept {
    if (stopped_ != Instant::max()) until_ += now - stopped_;
    stopped_ = Instant::max();
  }

 private:
  Instant until_{};
  Instant stopped_ = Instant::max();  // max: it runs
};

}  // namespace postern::session
