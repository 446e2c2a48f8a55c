// What the workers know of the upstreams: resolved addresses, health, and what is offered before login. Made
// by the main thread whenever something changes, published as shared_ptr<const>, never altered afterwards.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "imap/capability.h"
#include "net/candidates.h"
#include "plan/snapshot.h"
#include "session/environment.h"
#include "upstreams/health.h"

namespace postern::server {

struct EndpointView {
  net::Endpoint endpoint;
  std::string address_text;  // 192.0.2.7:143: what balancing hashes
  Health health = Health::Unknown;
  bool probed = false;  // capabilities are from a good probe, perhaps an earlier one
  imap::CapabilityList capabilities;
};

struct UpstreamState {
  std::vector<EndpointView> endpoints;
  ErrorCode why_empty = ErrorCode::UpstreamDns;  // where there are none: nothing is resolved
};

struct UpstreamView {
  std::vector<UpstreamState> upstreams;                       // as in Settings::upstreams
  std::vector<std::shared_ptr<const session::Offer>> offers;  // as in Settings::listeners
};

// A view is of one snapshot: the two are published together.
struct Published {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const UpstreamView> view;
};

// The upstreams that a session on this listener can be sent to, as far as the listener's name decides.
std::vector<std::size_t> reachable_upstreams(const config::Settings& settings, std::size_t listener);

// One offer for each listener, from the capabilities of the probed endpoints of its reachable upstreams.
std::vector<std::shared_ptr<const session::Offer>> make_offers(const config::Settings& settings,
                                                               const std::vector<UpstreamState>& upstreams);

}  // namespace postern::server
