#include "process/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "config/match.h"
#include "imap/sasl.h"
#include "proxy_protocol/proxy_header.h"
#include "unit/process/worker_fixture.h"

namespace postern::server {
namespace {

using telemetry::index_of;

TEST_F(WorkerTest, ServesClients) {
  start(published("Hello"));
  Client client(address);
  EXPECT_EQ(client.line().rfind("* OK [CAPABILITY ", 0), 0U);
  client.send("a NOOP\r\n");
  EXPECT_EQ(client.line().rfind("a OK", 0), 0U);
  EXPECT_EQ(gate.count(), 1U);
  client.send("b LOGOUT\r\n");
  EXPECT_EQ(client.line().rfind("* BYE", 0), 0U);
  EXPECT_EQ(client.line().rfind("b OK", 0), 0U);
  EXPECT_EQ(client.line(), "");
  EXPECT_EQ(counted(cells().accepted), 1U);
}

TEST_F(WorkerTest, GivesTheNextSessionWhatWasPublished) {
  start(published("Before"));
  Client old(address);
  EXPECT_NE(old.line().find("Before"), std::string::npos);
  reload(published("After"));
  EXPECT_NE(Client(address).line().find("After"), std::string::npos);
  old.send("a NOOP\r\n");
  EXPECT_EQ(old.line().rfind("a OK", 0), 0U);
}

TEST_F(WorkerTest, AnswersUnavailableWhereNothingIsResolved) {
  start(published("Hello"));
  Client client(address);
  client.line();
  client.send("a LOGIN alice secret\r\n");
  EXPECT_EQ(client.line().rfind("a NO [UNAVAILABLE] ", 0), 0U);
  EXPECT_EQ(
      counted(cells().auth[index_of(imap::Mechanism::Login)][index_of(telemetry::AuthResult::Temporary)]),
      1U);
}

TEST_F(WorkerTest, LetsNobodyInOverTheLimitUntilSomebodyLeaves) {
  start(published("Hello"));
  gate.set_limit(1);
  Client first(address);
  EXPECT_NE(first.line(), "");
  Client second(address);  // in the kernel's backlog, or refused: in no case greeted beside the first
  first.send("a LOGOUT\r\n");
  first.rest();
  Client third(address);
  const std::string greeting = second.line();
  EXPECT_NE(greeting.empty() ? third.line() : greeting, "");
  EXPECT_LE(gate.count(), 1U);
}

TEST_F(WorkerTest, SaysByeWhenItDrainsAndThenEnds) {
  start(published("Hello"));
  Client client(address);
  client.line();
  worker.drain();
  EXPECT_EQ(client.rest().rfind("* BYE", 0), 0U);
  worker.join();
  EXPECT_TRUE(told_of_end);
  EXPECT_EQ(gate.count(), 0U);
  EXPECT_EQ(counted(cells().closed[index_of(CloseReason::Drain)]), 1U);
}

TEST_F(WorkerTest, TellsANetworkWithSessionsEnoughSoAndNoMore) {
  config::Limits limits;
  limits.sessions_per_client = 1;
  ledger.set_limits(limits);
  start(published("Hello"));
  auto seat = ledger.seat_client("127.0.0.1");
  std::uint16_t refused_port = 0;
  for (int i = 0; i < 3; ++i) {
    Client refused(address);
    if (i == 0) refused_port = net::port_of(refused.own_end());
    EXPECT_EQ(refused.rest(), "* BYE [LIMIT] Too many sessions from your network\r\n");
  }
  seat.reset();
  Client client(address);
  EXPECT_EQ(client.line().rfind("* OK [CAPABILITY ", 0), 0U);
  EXPECT_EQ(Client(address).rest().rfind("* BYE [LIMIT]", 0), 0U) << "a session holds its seat";
  EXPECT_EQ(counted(cells().rejected[index_of(telemetry::RejectReason::ClientLimit)]), 4U);
  EXPECT_EQ(gate.count(), 1U);
  const std::vector<std::string> lines = log.with("client refused");
  ASSERT_EQ(lines.size(), 1U) << "one line tells of many";
  EXPECT_NE(lines[0].find("listener=clear client=127.0.0.1 reason=too_many_client_sessions"),
            std::string::npos)
      << lines[0];
  EXPECT_NE(lines[0].find(" client_port=" + std::to_string(refused_port)), std::string::npos) << lines[0];
}

TEST_F(WorkerTest, ClosesWithoutAWordWhereTlsIsExpectedFirst) {
  config::Limits limits;
  limits.sessions_per_client = 1;
  ledger.set_limits(limits);
  Published first = published("Hello");
  auto snapshot = std::make_shared<Snapshot>(*first.snapshot);
  snapshot->settings.listeners[0].tls = config::ListenerTls::Implicit;
  start({snapshot, first.view});
  const auto seat = ledger.seat_client("127.0.0.1");
  EXPECT_EQ(Client(address).rest(), "");
  EXPECT_EQ(counted(cells().rejected[index_of(telemetry::RejectReason::ClientLimit)]), 1U);
  EXPECT_EQ(gate.count(), 0U);
}

// How long the loop works in a round is its lag; how long it waits for something to do is not. Whatever keeps
// this thread from running can only hide a fault here, never make one up.
TEST_F(WorkerTest, MeasuresHowLongItsLoopWorksAndNotHowLongItRests) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLong{200};
  constexpr double kRounding = 0.002;  // of a round: libuv's clock has whole milliseconds, or is one late
  start(published("Hello"));
  const auto& lag = worker.counted().loop_lag;
  const auto rounds = [&] {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i <= lag.bounds().size(); ++i) all += lag.bucket(i);
    return all;
  };
  // A round in which the loop does this, to its end.
  const auto go_round = [&](std::function<void()> work) {
    std::atomic<std::uint64_t> round{~std::uint64_t{0}};
    worker.publish(published("Hello"), [&, work = std::move(work)] {
      work();
      round = rounds();
    });
    const Clock::time_point end = Clock::now() + std::chrono::seconds(60);
    while (rounds() <= round && Clock::now() < end) std::this_thread::yield();
    EXPECT_GT(rounds(), round.load()) << "its round is not counted";
    // Number and sum are two cells, and in between is a moment: what the loop does next says that both are
    // there.
    reload(published("Hello"));
  };

  const double before = lag.sum_seconds();
  go_round([&] { std::this_thread::sleep_for(kLong); });
  EXPECT_GE(lag.sum_seconds() - before, std::chrono::duration<double>(kLong).count() - kRounding);

  const double worked = lag.sum_seconds();
  const std::uint64_t gone = rounds();
  std::this_thread::sleep_for(kLong);  // nothing is to be done meanwhile
  const Clock::time_point woken = Clock::now();
  go_round([] {});
  const std::chrono::duration<double> awake = Clock::now() - woken;
  EXPECT_LE(lag.sum_seconds() - worked, awake.count() + kRounding * static_cast<double>(rounds() - gone + 1));
}

// The listener wants a PROXY header from 127.0.0.0/8, or from the network given. One upstream, on a socket of
// the test's.
class ProxiedWorkerTest : public WorkerTest {
 protected:
  void start_proxied(const std::string& trusted = "127.0.0.0/8") {
    Published first = published("Hello");
    auto snapshot = std::make_shared<Snapshot>(*first.snapshot);
    config::Listener& listener = snapshot->settings.listeners[0];
    std::string why;
    listener.proxy_protocol = proxy_protocol;
    listener.trusted_proxies = {*config::parse_cidr(trusted, why)};
    snapshot->settings.limits.timeouts.handshake = handshake;
    snapshot->settings.upstreams[0].proxy_protocol = upstream_protocol;
    auto view = std::make_shared<UpstreamView>(*first.view);
    EndpointView endpoint;
    endpoint.endpoint.address = net::address_of(upstream);
    endpoint.endpoint.text = "mail.example:143";
    view->upstreams[0].endpoints = {endpoint};
    start({snapshot, view});
  }
  // What the upstream was sent ahead of everything.
  net::ProxyHeader header_at_upstream() {
    const net::Socket accepted(::accept4(upstream.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    net::ProxyHeaderParser parser;
    auto status = net::ProxyHeaderParser::Status::NeedMore;
    while (status == net::ProxyHeaderParser::Status::NeedMore) {
      char octet = 0;
      if (::recv(accepted.fd(), &octet, 1, 0) != 1) break;
      Octets in(&octet, 1);
      status = parser.feed(in);
    }
    EXPECT_EQ(status, net::ProxyHeaderParser::Status::Done);
    return parser.header();
  }
  // A connection that is closed without a word, and how it is counted and told.
  void expect_refusal(Client& client, telemetry::ProxyError error, const std::string& level) {
    EXPECT_EQ(client.rest(), "");
    worker.drain();
    worker.join();
    EXPECT_EQ(counted(cells().rejected[index_of(telemetry::RejectReason::ProxyProtocol)]), 1U);
    for (std::size_t i = 0; i < telemetry::count_of<telemetry::ProxyError>; ++i)
      EXPECT_EQ(counted(cells().proxy_errors[i]), i == index_of(error) ? 1U : 0U);
    EXPECT_EQ(counted(cells().active), 0U);
    EXPECT_EQ(gate.count(), 0U);
    const std::vector<std::string> lines = log.with("proxy header refused");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find(level + " "), std::string::npos) << lines[0];
    EXPECT_NE(lines[0].find("listener=clear peer=127.0.0.1 reason="), std::string::npos) << lines[0];
    EXPECT_EQ(lines[0].find("secret"), std::string::npos);
    EXPECT_FALSE(log.has("session closed"));
  }

  bool proxy_protocol = true;
  Duration handshake = std::chrono::minutes(5);
  config::ProxyProtocol upstream_protocol = config::ProxyProtocol::V2;
  net::Socket upstream = blocking_socket();

 private:
  static net::Socket blocking_socket() {
    net::Socket socket = net::listening_socket();
    EXPECT_EQ(::fcntl(socket.fd(), F_SETFL, 0), 0);
    return socket;
  }
};

TEST_F(ProxiedWorkerTest, TheNetworkOfTheHeadersClientIsCounted) {
  config::Limits limits;
  limits.sessions_per_client = 1;
  ledger.set_limits(limits);
  start_proxied();
  const auto seat = ledger.seat_client("192.0.2.7");
  Client refused(address);
  refused.send("PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n");
  EXPECT_EQ(refused.rest(), "* BYE [LIMIT] Too many sessions from your network\r\n");
  Client other(address);
  other.send("PROXY TCP4 192.0.2.8 198.51.100.1 56324 993\r\n");
  EXPECT_EQ(other.line().rfind("* OK ", 0), 0U);
  const auto proxy = ledger.seat_client("127.0.0.1");
  Client health(address);
  health.send("PROXY UNKNOWN\r\n");
  EXPECT_EQ(health.line().rfind("* OK ", 0), 0U) << "a trusted proxy itself has no limit";
  EXPECT_EQ(counted(cells().rejected[index_of(telemetry::RejectReason::ClientLimit)]), 1U);
}

TEST_F(ProxiedWorkerTest, TheClientIsWhomTheHeaderNames) {
  start_proxied();
  Client client(address);
  client.send("PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\na LOGIN alice secret\r\n");
  EXPECT_EQ(client.line().rfind("* OK [CAPABILITY ", 0), 0U);
  const net::ProxyHeader told = header_at_upstream();
  EXPECT_EQ(told.source.address, "192.0.2.7");
  EXPECT_EQ(told.source.port, 56324);
  EXPECT_EQ(told.destination.address, "198.51.100.1");
  EXPECT_EQ(told.destination.port, 993);
  EXPECT_EQ(client.line().rfind("a NO [UNAVAILABLE]", 0), 0U);
  EXPECT_TRUE(log.has("client=192.0.2.7 user=alice"));
  EXPECT_TRUE(log.has("client_port=56324"));
  EXPECT_FALSE(log.has("client=127.0.0.1"));
}

TEST_F(ProxiedWorkerTest, TheHeaderMayComeInPieces) {
  start_proxied();
  Client client(address);
  for (const char c : std::string("PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n")) client.send({&c, 1});
  client.line();
  client.send("a LOGIN alice secret\r\n");
  EXPECT_EQ(header_at_upstream().source.address, "2001:db8::7");
}

TEST_F(ProxiedWorkerTest, WithoutAddressesTheConnectionSpeaksForItself) {
  start_proxied();
  for (const std::string& header :
       {std::string("PROXY UNKNOWN\r\n"), net::write_local_proxy_header(config::ProxyProtocol::V2)}) {
    Client client(address);
    client.send(header + "a LOGIN alice secret\r\n");
    const net::ProxyHeader told = header_at_upstream();
    EXPECT_EQ(told.source.address, "127.0.0.1");
    EXPECT_EQ(told.source.port, net::port_of(client.own_end()));
    EXPECT_EQ(told.destination.address, "127.0.0.1");
    EXPECT_EQ(told.destination.port, net::port_of(address));
  }
}

TEST_F(ProxiedWorkerTest, ADirectClientIsToldToo) {
  proxy_protocol = false;
  upstream_protocol = config::ProxyProtocol::V1;
  start_proxied();
  Client client(address);
  client.line();
  client.send("a LOGIN alice secret\r\n");
  const net::ProxyHeader told = header_at_upstream();
  EXPECT_EQ(told.source.port, net::port_of(client.own_end()));
  EXPECT_EQ(told.destination.port, net::port_of(address));
}

TEST_F(ProxiedWorkerTest, AddressesOfTwoFamiliesAreTold) {
  start_proxied();
  Client client(address);
  client.send("PROXY TCP6 2001:db8::7 198.51.100.1 1 2\r\na LOGIN alice secret\r\n");
  client.line();
  const net::ProxyHeader told = header_at_upstream();
  EXPECT_EQ(told.source.address, "2001:db8::7");
  EXPECT_EQ(told.destination.address, "198.51.100.1");
}

TEST_F(ProxiedWorkerTest, NobodyElseMaySendAHeader) {
  start_proxied("192.0.2.0/24");
  Client client(address);
  expect_refusal(client, telemetry::ProxyError::Untrusted, "info");
}

TEST_F(ProxiedWorkerTest, WithoutAHeaderThereIsNoWord) {
  start_proxied();
  Client client(address);
  client.send("a LOGIN alice secret\r\n");
  expect_refusal(client, telemetry::ProxyError::Malformed, "warning");
}

TEST_F(ProxiedWorkerTest, AHeaderThatStallsIsATimeout) {
  handshake = std::chrono::milliseconds(1);
  start_proxied();
  Client client(address);
  client.send("PROXY ");
  expect_refusal(client, telemetry::ProxyError::Timeout, "warning");
}

TEST_F(ProxiedWorkerTest, ABalancersTcpProbeIsNoWarning) {
  start_proxied();
  Client client(address);
  client.end();
  expect_refusal(client, telemetry::ProxyError::Closed, "debug");
}

TEST_F(ProxiedWorkerTest, AConnectionThatHasNotSaidWhoItIsEndsWithTheDrain) {
  start_proxied();
  Client client(address);
  client.send("PROXY ");
  while (counted(cells().active) == 0) std::this_thread::yield();
  worker.drain();
  EXPECT_EQ(client.rest(), "");
  worker.join();
  EXPECT_EQ(counted(cells().rejected[index_of(telemetry::RejectReason::Draining)]), 1U);
  EXPECT_EQ(counted(cells().active), 0U);
  EXPECT_EQ(gate.count(), 0U);
}

TEST_F(WorkerTest, SaysWhyItCannotStart) {
  std::vector<net::Socket> none;
  none.emplace_back();  // no socket at all
  const auto result = worker.start(std::move(none), published("Hello"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::SystemCall);
  told_of_end = true;  // nobody waits for the end of what did not begin
}

}  // namespace
}  // namespace postern::server
