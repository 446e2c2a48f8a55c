#include "upstreams/balance.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/octets.h"
#include "crypto/siphash.h"

namespace postern::server {
namespace {

// Not secret: all replicas must agree.
constexpr SipKey kBalanceKey{0x706f737465726e00U, 0x62616c616e636500U};

struct Scored {
  bool down;
  std::uint64_t score;
  const EndpointView* endpoint;
};

bool comes_first(const Scored& a, const Scored& b) noexcept {
  if (a.down != b.down) return b.down;
  return a.score > b.score;
}

}  // namespace

std::vector<net::Endpoint> order_endpoints(const std::vector<EndpointView>& endpoints,
                                           std::string_view user) {
  std::string folded = to_lower(user);
  folded += '\0';  // keeps name and address apart
  std::vector<Scored> scored;
  scored.reserve(endpoints.size());
  for (const EndpointView& endpoint : endpoints)
    scored.push_back(
        {endpoint.health == Health::Down, siphash(kBalanceKey, folded + endpoint.address_text), &endpoint});
  std::sort(scored.begin(), scored.end(), comes_first);
  std::vector<net::Endpoint> ordered;
  ordered.reserve(scored.size());
  for (const Scored& entry : scored) ordered.push_back(entry.endpoint->endpoint);
  return ordered;
}

}  // namespace postern::server
