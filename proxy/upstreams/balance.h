// In which order a login tries the endpoints of its upstream. Pure.
//
// Rendezvous hashing (Thaler, Ravishankar): each endpoint gets a score from the user's name and its own
// address, the highest comes first. A user has the same order in every worker and every replica; when an
// endpoint goes, only its own users move, and they come back with it.
#pragma once

#include <string_view>
#include <vector>

#include "net/candidates.h"
#include "upstreams/upstream_view.h"

namespace postern::server {

// Those that are up or not probed yet first, then those that are down: a probe may be wrong, and a login that
// has nowhere else to go may as well try. `user` is folded to lower case; where it is not known the caller
// gives something else that spreads, such as the client's address.
std::vector<net::Endpoint> order_endpoints(const std::vector<EndpointView>& endpoints, std::string_view user);

}  // namespace postern::server
