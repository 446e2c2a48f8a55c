#include "upstreams/upstream_view.h"

#include <gtest/gtest.h>

namespace postern::server {
namespace {

using Indices = std::vector<std::size_t>;

config::Settings two_listeners_three_upstreams() {
  config::Settings settings;
  settings.listeners.resize(2);
  settings.listeners[0].name = "imaps";
  settings.listeners[1].name = "internal";
  settings.upstreams.resize(3);
  return settings;
}

config::Route route(std::vector<std::string> listeners, std::vector<std::string> users,
                    std::size_t upstream) {
  config::Route route;
  route.listeners = std::move(listeners);
  route.users = std::move(users);
  route.upstream = upstream;
  return route;
}

EndpointView probed(const std::string& capabilities) {
  EndpointView endpoint;
  endpoint.probed = true;
  endpoint.capabilities = imap::parse_capabilities(capabilities);
  return endpoint;
}

TEST(UpstreamView, WithoutRoutesTheFirstUpstreamIsReached) {
  EXPECT_EQ(reachable_upstreams(two_listeners_three_upstreams(), 0), Indices{0});
}

TEST(UpstreamView, ARouteForSomeUsersLeavesTheOthers) {
  config::Settings settings = two_listeners_three_upstreams();
  settings.routes = {route({}, {"*@new.example"}, 2), route({}, {"a*"}, 1)};
  EXPECT_EQ(reachable_upstreams(settings, 0), (Indices{2, 1, 0}));
}

TEST(UpstreamView, ARouteForAllEndsTheList) {
  config::Settings settings = two_listeners_three_upstreams();
  settings.routes = {route({}, {"a*"}, 1), route({}, {}, 1), route({}, {"b*"}, 2)};
  EXPECT_EQ(reachable_upstreams(settings, 0), Indices{1});
}

TEST(UpstreamView, ARouteForOneListenerIsNotTheOthers) {
  config::Settings settings = two_listeners_three_upstreams();
  settings.routes = {route({"int*"}, {}, 2)};
  EXPECT_EQ(reachable_upstreams(settings, 0), Indices{0});
  EXPECT_EQ(reachable_upstreams(settings, 1), Indices{2});
}

TEST(UpstreamView, OffersWhatAllReachableEndpointsHave) {
  config::Settings settings = two_listeners_three_upstreams();
  settings.routes = {route({"internal"}, {}, 1)};
  std::vector<UpstreamState> states(3);
  states[0].endpoints = {probed("IMAP4rev1 AUTH=PLAIN AUTH=CRAM-MD5"), probed("IMAP4rev1 AUTH=PLAIN")};
  states[1].endpoints = {probed("IMAP4rev1 AUTH=XOAUTH2")};
  const auto offers = make_offers(settings, states);
  ASSERT_EQ(offers.size(), 2U);
  EXPECT_EQ(offers[0]->mechanisms, std::vector<std::string>{"PLAIN"});
  EXPECT_EQ(offers[1]->mechanisms, std::vector<std::string>{"XOAUTH2"});
}

TEST(UpstreamView, OffersByWhatIsKnownWhileSomeAreNotProbed) {
  std::vector<UpstreamState> states(3);
  states[0].endpoints = {EndpointView{}, probed("IMAP4rev1 AUTH=XOAUTH2")};
  EXPECT_TRUE(make_offers(two_listeners_three_upstreams(), states)[0]->probed);
  states[0].endpoints.pop_back();
  EXPECT_FALSE(make_offers(two_listeners_three_upstreams(), states)[0]->probed);
}

}  // namespace
}  // namespace postern::server
