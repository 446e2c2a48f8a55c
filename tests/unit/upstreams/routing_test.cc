#include "upstreams/routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace postern::server {
namespace {

class RoutingTest : public ::testing::Test {
 protected:
  RoutingTest() {
    snapshot_->settings.upstreams.resize(2);
    snapshot_->settings.upstreams[0].name = "old";
    snapshot_->settings.upstreams[1].name = "new";
    snapshot_->client_contexts.resize(2);
    snapshot_->upstream_slots = {5, 7};
    config::Route& route = snapshot_->settings.routes.emplace_back();
    route.sni = {"new.example"};
    route.upstream = 1;
    view_->upstreams.resize(2);
    for (const char* address : {"192.0.2.1:143", "192.0.2.2:143", "192.0.2.3:143"}) {
      EndpointView& endpoint = view_->upstreams[1].endpoints.emplace_back();
      endpoint.address_text = address;
      endpoint.endpoint.text = address;
      endpoint.health = Health::Up;
    }
    facts_.client_address = "198.51.100.7";
    tls_.sni = "new.example";
  }

  net::Candidates found(const std::string& user) {
    return find_candidates({snapshot_, view_}, facts_, tls_, user);
  }
  std::vector<std::string> order(const std::string& user) {
    std::vector<std::string> texts;
    for (const net::Endpoint& endpoint : found(user).endpoints) texts.push_back(endpoint.text);
    return texts;
  }

  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();
  std::shared_ptr<UpstreamView> view_ = std::make_shared<UpstreamView>();
  filters::SessionFacts facts_;
  TlsFacts tls_;
};

TEST_F(RoutingTest, TheRouteThatMatchesDecides) {
  EXPECT_EQ(choose_upstream(snapshot_->settings, facts_, tls_, "alice"), 1U);
  tls_.sni = "mail.example";
  EXPECT_EQ(choose_upstream(snapshot_->settings, facts_, tls_, "alice"), 0U);
}

TEST_F(RoutingTest, TheNameThatTheClientAskedItsProxyForComesFirst) {
  facts_.connected_name = "mail.example";
  EXPECT_EQ(choose_upstream(snapshot_->settings, facts_, tls_, "alice"), 0U);
  facts_.connected_name = "new.example";
  tls_.sni = "mail.example";
  EXPECT_EQ(choose_upstream(snapshot_->settings, facts_, tls_, "alice"), 1U);
}

TEST_F(RoutingTest, CandidatesAreTheUpstreamsServers) {
  const net::Candidates candidates = found("alice");
  EXPECT_EQ(candidates.name, "new");
  EXPECT_EQ(candidates.upstream, 7U);
  EXPECT_EQ(candidates.endpoints.size(), 3U);
  EXPECT_EQ(candidates.preface, "");
}

TEST_F(RoutingTest, WithoutAUsersNameTheClientsAddressSpreads) {
  std::vector<std::vector<std::string>> orders;
  for (int i = 0; i < 20; ++i) {
    facts_.client_address = "198.51.100." + std::to_string(i);
    EXPECT_EQ(order("alice"), order("ALICE"));
    orders.push_back(order(""));
  }
  EXPECT_NE(std::count(orders.begin(), orders.end(), orders.front()), 20);
}

TEST_F(RoutingTest, NowhereIsToldWithItsReason) {
  tls_.sni.clear();
  EXPECT_TRUE(found("alice").endpoints.empty());
  EXPECT_EQ(found("alice").why_empty, ErrorCode::UpstreamDns);
}

TEST_F(RoutingTest, AServerThatWantsAHeaderIsNotDialledWithoutIt) {
  snapshot_->settings.upstreams[1].proxy_protocol = config::ProxyProtocol::V1;
  EXPECT_TRUE(found("alice").endpoints.empty());
  EXPECT_EQ(found("alice").why_empty, ErrorCode::UpstreamProxyHeader);
  facts_.connected_address = "203.0.113.1";
  EXPECT_EQ(found("alice").endpoints.size(), 3U);
  EXPECT_EQ(found("alice").preface, "PROXY TCP4 198.51.100.7 203.0.113.1 0 0\r\n");
}

}  // namespace
}  // namespace postern::server
