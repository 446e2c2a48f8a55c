// Whether one endpoint is up, from the results of its probes. Pure. The first result decides at once; after
// that `rise` good ones in a row make it up and `fall` bad ones make it down.
#pragma once

#include <cstdint>

#include "base/error_code.h"
#include "config/settings.h"

namespace postern::server {

enum class Health : std::uint8_t { Unknown, Up, Down };

class HealthState {
 public:
  Health health() const noexcept { return health_; }
  // Why the last probe failed; Ok after a good one.
  ErrorCode reason() const noexcept { return reason_; }

  // Return whether this is news for the log: another state, or another reason for being down.
  bool succeeded(const config::Health& settings) noexcept {
    bad_ = 0;
    reason_ = ErrorCode::Ok;
    const int needed = health_ == Health::Unknown ? 1 : settings.rise;
    if (health_ == Health::Up || ++good_ < needed) return false;
    health_ = Health::Up;
    logged_ = ErrorCode::Ok;
    return true;
  }
  bool failed(ErrorCode reason, const config::Health& settings) noexcept {
    good_ = 0;
    reason_ = reason;
    const int needed = health_ == Health::Unknown ? 1 : settings.fall;
    if (health_ != Health::Down && ++bad_ < needed) return false;
    health_ = Health::Down;
    if (logged_ == reason) return false;
    logged_ = reason;
    return true;
  }

 private:
  Health health_ = Health::Unknown;
  ErrorCode reason_ = ErrorCode::Ok;
  ErrorCode logged_ = ErrorCode::Ok;
  int good_ = 0;
  int bad_ = 0;
};

}  // namespace postern::server
