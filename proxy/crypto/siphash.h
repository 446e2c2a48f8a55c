// SipHash-2-4 (Aumasson, Bernstein): a keyed hash of short texts. With a secret key it keeps attackers from
// choosing collisions in the Ledger; with a constant one it gives every worker and every replica the same
// order of endpoints for a user. Pure.
#pragma once

#include <cstdint>

#include "base/octets.h"

namespace postern::server {

struct SipKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

std::uint64_t siphash(const SipKey& key, Octets text) noexcept;

}  // namespace postern::server
