#include "upstreams/monitor.h"

#include <gtest/gtest.h>

#include <memory>

#include "unit/process/support.h"
#include "unit/upstreams/upstream_double.h"
#include "upstreams/upstreams.h"

namespace postern::server {
namespace {

using std::chrono::milliseconds;
using telemetry::ConnectResult;
using telemetry::index_of;

class MonitorTest : public ::testing::Test {
 protected:
  // Probes every millisecond: the tests wait for events, not for time.
  static config::Upstream watching(const std::vector<std::uint16_t>& ports) {
    config::Upstream settings;
    settings.name = "mail";
    for (const std::uint16_t port : ports) settings.servers.push_back({"127.0.0.1", port});
    settings.health.interval = milliseconds(1);
    settings.health.timeout = std::chrono::minutes(5);
    return settings;
  }
  Health health(std::size_t endpoint) const { return monitor->state().endpoints.at(endpoint).health; }
  std::uint64_t checks(ConnectResult result) const { return counted[index_of(result)].load(); }

  net::Loop loop;
  ReadableLog log;
  RandomSource random;
  int changes = 0;
  telemetry::CellsBy<ConnectResult> counted;
  Monitor::Environment environment{loop.get(), log, random, [this] { ++changes; }};
  std::unique_ptr<Monitor> monitor = std::make_unique<Monitor>(environment, counted);
};

TEST_F(MonitorTest, FindsOutWhoIsUp) {
  UpstreamDouble up(loop);
  const net::Socket deaf = net::loopback_socket();
  monitor->apply(watching({net::port_of(up.address), net::port_of(net::address_of(deaf))}), nullptr);
  EXPECT_EQ(health(0), Health::Unknown);
  loop.until([this] { return health(0) == Health::Up && health(1) == Health::Down; });
  EXPECT_TRUE(monitor->state().endpoints[0].probed);
  EXPECT_EQ(monitor->state().endpoints[0].capabilities, (imap::CapabilityList{"IMAP4rev1", "AUTH=PLAIN"}));
  EXPECT_FALSE(monitor->state().endpoints[1].probed);
  EXPECT_GE(checks(ConnectResult::Ok), 1U);
  EXPECT_GE(checks(ConnectResult::Refused), 1U);
  EXPECT_GE(changes, 2);
  const std::vector<telemetry::EndpointMetric> metrics = monitor->metrics();
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].endpoint, net::host_port_text(up.address));
  EXPECT_TRUE(metrics[0].up);
  EXPECT_FALSE(metrics[1].up);
  monitor.reset();
}

TEST_F(MonitorTest, SpeaksForItselfWhereTheServerWantsAProxyHeader) {
  UpstreamDouble up(loop);
  config::Upstream settings = watching({net::port_of(up.address)});
  settings.proxy_protocol = config::ProxyProtocol::V1;
  monitor->apply(settings, nullptr);
  loop.until([this] { return health(0) == Health::Up; });
  EXPECT_TRUE(up.heard("PROXY UNKNOWN\r\np"));
  monitor.reset();
}

TEST_F(MonitorTest, SaysSoOncePerChange) {
  auto up = std::make_unique<UpstreamDouble>(loop);
  const std::uint16_t port = net::port_of(up->address);
  monitor->apply(watching({port}), nullptr);
  loop.until([this] { return checks(ConnectResult::Ok) >= 5; });
  EXPECT_EQ(log.with("upstream up").size(), 1U);
  up.reset();  // from now on: refused
  loop.until([this] { return checks(ConnectResult::Refused) >= 5; });
  EXPECT_EQ(health(0), Health::Down);
  ASSERT_EQ(log.with("upstream down").size(), 1U);
  const std::string line = log.with("upstream down")[0];
  EXPECT_NE(line.find("reason=refused state=\"sent nothing, received nothing\""), std::string::npos) << line;
  // What was offered stays offered: the capabilities are those of the last good probe.
  EXPECT_TRUE(monitor->state().endpoints[0].probed);
  monitor.reset();
}

// What is offered before login comes from the last probe, never from a list of the gateway's own.
TEST_F(MonitorTest, EachProbeLearnsWhatIsOfferedNow) {
  UpstreamDouble up(loop);
  config::Settings settings;
  settings.listeners.resize(1);
  settings.upstreams = {watching({net::port_of(up.address)})};
  const auto offer = [&] { return make_offers(settings, {monitor->state()})[0]->is_protected; };
  monitor->apply(settings.upstreams[0], nullptr);
  EXPECT_EQ(offer(), "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN");
  loop.until([this] { return health(0) == Health::Up; });
  const int changes_before = changes;
  loop.until(
      [this, checked = checks(ConnectResult::Ok)] { return checks(ConnectResult::Ok) >= checked + 3; });
  EXPECT_EQ(changes, changes_before);  // the same again is no news
  up.capabilities = "IMAP4rev1 IDLE MOVE AUTH=SCRAM-SHA-256";
  loop.until([&] { return changes > changes_before; });
  EXPECT_EQ(offer(), "IMAP4rev1 SASL-IR ID LITERAL+ IDLE MOVE AUTH=SCRAM-SHA-256");
  monitor.reset();
}

TEST_F(MonitorTest, KeepsWhatItKnowsOfAServerThatStays) {
  UpstreamDouble first(loop);
  UpstreamDouble second(loop);
  config::Upstream settings = watching({net::port_of(first.address)});
  monitor->apply(settings, nullptr);
  loop.until([this] { return health(0) == Health::Up; });
  settings.servers.insert(settings.servers.begin(), {"127.0.0.1", net::port_of(second.address)});
  monitor->apply(settings, nullptr);
  EXPECT_EQ(health(0), Health::Unknown);
  EXPECT_EQ(health(1), Health::Up);
  loop.until([this] { return health(0) == Health::Up; });
  monitor.reset();
}

TEST_F(MonitorTest, ForgetsWhatItKnewByAnotherWay) {
  UpstreamDouble up(loop);
  config::Upstream settings = watching({net::port_of(up.address)});
  monitor->apply(settings, nullptr);
  loop.until([this] { return health(0) == Health::Up; });
  settings.tls = config::UpstreamTls::Starttls;
  monitor->apply(settings, nullptr);
  EXPECT_EQ(health(0), Health::Unknown);
  loop.until([this] { return health(0) == Health::Down; });  // it has no STARTTLS
  EXPECT_GE(checks(ConnectResult::Tls), 1U);
  monitor.reset();
}

TEST_F(MonitorTest, ResolvesNames) {
  UpstreamDouble up(loop);
  config::Upstream settings = watching({});
  settings.servers = {{"localhost", net::port_of(up.address)}};
  monitor->apply(settings, nullptr);
  EXPECT_TRUE(monitor->state().endpoints.empty());
  EXPECT_EQ(monitor->state().why_empty, ErrorCode::UpstreamDns);
  loop.until([this] { return !monitor->metrics().empty() && monitor->metrics()[0].up; });
  for (const EndpointView& endpoint : monitor->state().endpoints)
    EXPECT_EQ(endpoint.endpoint.server_name, "localhost");
  monitor.reset();
}

TEST_F(MonitorTest, SaysOnceThatANameDoesNotResolve) {
  config::Upstream settings = watching({});
  settings.servers = {{std::string(300, 'x'), 143}};
  monitor->apply(settings, nullptr);
  loop.until([this] { return log.has("upstream name not resolved"); });
  for (int i = 0; i < 5; ++i) monitor->apply(settings, nullptr), loop.turn();
  EXPECT_EQ(log.with("upstream name not resolved").size(), 1U);
  monitor.reset();
}

TEST_F(MonitorTest, AllUpstreamsMakeOneView) {
  monitor.reset();
  UpstreamDouble a(loop);
  UpstreamDouble b(loop);
  b.capabilities = "IMAP4rev1 AUTH=XOAUTH2";
  Snapshot snapshot;
  snapshot.settings.listeners.resize(1);
  snapshot.settings.upstreams = {watching({net::port_of(a.address)}), watching({net::port_of(b.address)})};
  snapshot.settings.upstreams[1].name = "new";
  snapshot.client_contexts.resize(2);
  snapshot.upstream_slots = {0, 1};
  telemetry::MainCells cells;
  cells.health_checks.resize(2);
  int published = 0;
  Upstreams upstreams(loop.get(), log, random, cells, [&published] { ++published; });
  upstreams.apply(snapshot);
  const auto all_up = [&upstreams] {
    for (const telemetry::EndpointMetric& metric : upstreams.metrics())
      if (!metric.up) return false;
    return true;
  };
  loop.until(all_up);
  EXPECT_GE(published, 2);
  EXPECT_EQ(upstreams.view(snapshot.settings)->offers.at(0)->mechanisms, std::vector<std::string>{"PLAIN"});
  // The two change places: each keeps what is known of it.
  std::swap(snapshot.settings.upstreams[0], snapshot.settings.upstreams[1]);
  upstreams.apply(snapshot);
  EXPECT_TRUE(all_up());
  EXPECT_EQ(upstreams.view(snapshot.settings)->offers.at(0)->mechanisms, std::vector<std::string>{"XOAUTH2"});
  upstreams.close();
}

}  // namespace
}  // namespace postern::server
