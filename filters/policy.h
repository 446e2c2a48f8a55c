// The rules of the configuration, compiled: made once at load, immutable, shared by all workers through the
// Snapshot. Pure.
#pragma once

#include "config/settings.h"

namespace postern::filters {

class Policy {
 public:
  explicit Policy(const config::Settings& settings) : restricts_(!settings.rules.empty()) {}
  bool empty() const noexcept { return !restricts_; }

 private:
  bool restricts_;
};

}  // namespace postern::filters
