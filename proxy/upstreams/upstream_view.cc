#include "upstreams/upstream_view.h"

#include <algorithm>

#include "config/match.h"

namespace postern::server {
namespace {

bool listener_matches(const config::Route& route, const std::string& listener) {
  if (route.listeners.empty()) return true;
  return std::any_of(route.listeners.begin(), route.listeners.end(), [&](const std::string& glob) {
    return config::matches_glob(glob, listener, config::Case::Exact);
  });
}

// Takes every session of a listener that it matches at all.
bool is_final(const config::Route& route) {
  return route.sni.empty() && route.users.empty() && route.clients.empty();
}

}  // namespace

std::vector<std::size_t> reachable_upstreams(const config::Settings& settings, std::size_t listener) {
  std::vector<std::size_t> reachable;
  const auto add = [&](std::size_t upstream) {
    if (std::find(reachable.begin(), reachable.end(), upstream) == reachable.end())
      reachable.push_back(upstream);
  };
  for (const config::Route& route : settings.routes) {
    if (!listener_matches(route, settings.listeners[listener].name)) continue;
    add(route.upstream);
    if (is_final(route)) return reachable;
  }
  add(0);  // no route matches: the first upstream
  return reachable;
}

std::vector<std::shared_ptr<const session::Offer>> make_offers(const config::Settings& settings,
                                                               const std::vector<UpstreamState>& upstreams) {
  std::vector<std::shared_ptr<const session::Offer>> offers;
  for (std::size_t l = 0; l < settings.listeners.size(); ++l) {
    std::vector<imap::CapabilityList> lists;
    bool has_master = false;
    for (const std::size_t upstream : reachable_upstreams(settings, l)) {
      has_master = has_master || !settings.upstreams[upstream].master.user.empty();
      for (const EndpointView& endpoint : upstreams[upstream].endpoints)
        if (endpoint.probed) lists.push_back(endpoint.capabilities);
    }
    offers.push_back(
        std::make_shared<const session::Offer>(session::make_offer(lists, settings, has_master)));
  }
  return offers;
}

}  // namespace postern::server
