#include "upstreams/routing.h"

#include <utility>

#include "config/match.h"
#include "proxy_protocol/proxy_header.h"
#include "upstreams/balance.h"

namespace postern::server {

std::size_t choose_upstream(const config::Settings& settings, const filters::SessionFacts& facts,
                            const TlsFacts& tls, const std::string& user) {
  config::RouteFacts route;
  route.listener = facts.listener;
  route.sni = filters::asked_name(facts, tls);
  route.user = user;
  route.client = config::parse_address(facts.client_address).value_or(config::Address16{});
  return config::choose_route(settings, route);
}

net::Candidates find_candidates(const Published& published, const filters::SessionFacts& facts,
                                const TlsFacts& tls, const std::string& user) {
  const Snapshot& snapshot = *published.snapshot;
  const std::size_t chosen = choose_upstream(snapshot.settings, facts, tls, user);
  const config::Upstream& upstream = snapshot.settings.upstreams[chosen];
  const UpstreamState& state = published.view->upstreams[chosen];
  net::Candidates candidates;
  candidates.upstream = snapshot.upstream_slots[chosen];
  candidates.name = upstream.name;
  candidates.tls = upstream.tls;
  candidates.send_id = upstream.send_id;
  candidates.master = upstream.master;
  candidates.context = snapshot.client_contexts[chosen];
  candidates.endpoints = order_endpoints(state.endpoints, user.empty() ? facts.client_address : user);
  candidates.why_empty = state.why_empty;
  if (auto preface = net::write_proxy_header(upstream.proxy_protocol, upstream.tls, facts, tls)) {
    candidates.preface = std::move(*preface);
  } else {
    candidates.endpoints.clear();
    candidates.why_empty = ErrorCode::UpstreamProxyHeader;
  }
  return candidates;
}

bool Plan::renew(const Published& newer) noexcept {
  if (newer.snapshot != published_.snapshot) return false;
  published_.view = newer.view;
  return true;
}

net::Candidates Plan::candidates(const filters::SessionFacts& facts, const TlsFacts& tls,
                                 const std::string& user) const {
  return find_candidates(published_, facts, tls, user);
}

}  // namespace postern::server
