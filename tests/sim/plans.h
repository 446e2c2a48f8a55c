// The configurations of a simulated run, as a worker is given them: the session's own, and those that are
// loaded meanwhile. Each leads to a server of its own, and every other one has rules that the next has not.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "upstreams/routing.h"

namespace postern::sim {

// All that a peer has to be slow, whichever it is and whatever it does behind the login.
inline constexpr Duration kPeersTime = std::chrono::minutes(10);

// `number`: of the plan. Half of the seeds record commands as the product does; a third of the plans have
// rules, by which the gateway asks the upstream itself, changes commands, and refuses what deletes.
server::Published make_published(std::uint64_t seed, std::uint64_t number);
bool has_rules(std::uint64_t number);
std::string server_of(std::uint64_t number);  // the only one that the plan leads to

}  // namespace postern::sim
