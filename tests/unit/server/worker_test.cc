#include "server/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "config/match.h"
#include "imap/sasl.h"
#include "net/proxy_header.h"
#include "server/ledger.h"
#include "unit/net/support.h"
#include "unit/server/support.h"

namespace postern::server {
namespace {

using telemetry::index_of;

// A client that blocks: the worker has a thread of its own.
class Client {
 public:
  explicit Client(const sockaddr_storage& address) : socket_(net::connect_to(address)) {}

  void send(const std::string& text) {
    ASSERT_EQ(::send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  std::string line() {
    std::string line;
    char c = 0;
    while (!line.ends_with("\r\n") && ::recv(socket_.fd(), &c, 1, 0) == 1) line += c;
    return line;
  }
  std::string rest() {
    std::string all;
    for (std::string next = line(); !next.empty(); next = line()) all += next;
    return all;
  }
  void end() { ::shutdown(socket_.fd(), SHUT_WR); }
  sockaddr_storage own_end() const { return net::address_of(socket_); }

 private:
  net::Socket socket_;
};

// One worker with one clear-text listener.
class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    std::signal(SIGPIPE, SIG_IGN);
    gate.on_crossing([this] { worker.look_at_gate(); });
  }
  void start(Published first) {
    net::Socket socket = net::loopback_socket();
    address = net::address_of(socket);
    std::vector<net::Socket> bound;
    bound.push_back(std::move(socket));
    ASSERT_TRUE(worker.start(std::move(bound), std::move(first)));
  }
  void TearDown() override {
    worker.drain();
    worker.kill();
    worker.join();
    EXPECT_TRUE(told_of_end);
  }
  static Published published(const std::string& greeting) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->settings.rewrite.greeting = greeting;
    snapshot->settings.listeners.resize(1);
    snapshot->settings.listeners[0].name = "clear";
    snapshot->settings.listeners[0].tls = config::ListenerTls::Off;
    snapshot->settings.upstreams.resize(1);
    snapshot->settings.upstreams[0].name = "mail";
    snapshot->client_contexts.resize(1);
    snapshot->upstream_slots = {0};
    auto view = std::make_shared<UpstreamView>();
    view->upstreams.resize(1);
    view->offers = make_offers(snapshot->settings, view->upstreams);
    return {snapshot, view};
  }
  std::uint64_t counted(const telemetry::Cell& cell) const { return cell.load(); }
  const telemetry::ListenerCells& cells() const { return worker.counted().listeners[0]; }

  ReadableLog log;
  SharedLedger ledger{config::Limits{}, {}};
  SessionGate gate;
  std::atomic<bool> told_of_end{false};
  WorkerSurroundings around{ledger, log, gate, [this] { told_of_end = true; }};
  Worker worker{around, 1, CellSlots(1)};
  sockaddr_storage address{};
};

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
  std::mutex mutex;
  std::condition_variable changed;
  bool adopted = false;
  worker.publish(published("After"), [&] {
    const std::lock_guard lock(mutex);
    adopted = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return adopted; });
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
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Client(address).rest(), "* BYE [LIMIT] Too many sessions from your network\r\n");
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

TEST_F(WorkerTest, MeasuresItsLoop) {
  start(published("Hello"));
  Client client(address);
  client.line();
  client.send("a NOOP\r\n");
  client.line();
  const auto& lag = worker.counted().loop_lag;
  std::uint64_t rounds = 0;
  for (std::size_t i = 0; i <= lag.bounds().size(); ++i) rounds += lag.bucket(i);
  EXPECT_GE(rounds, 2U);
  EXPECT_LT(lag.sum_seconds(), 60.0);
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

// No header can tell of an IPv4 client at an IPv6 address: the upstream is not even dialled.
TEST_F(ProxiedWorkerTest, WhatCannotBeToldFailsClosed) {
  start_proxied();
  Client client(address);
  client.send("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\na LOGIN alice secret\r\n");
  client.line();
  EXPECT_EQ(client.line().rfind("a NO [UNAVAILABLE]", 0), 0U);
  EXPECT_TRUE(log.has("code=upstream_proxy_header"));
  ASSERT_EQ(::fcntl(upstream.fd(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(::accept4(upstream.fd(), nullptr, nullptr, SOCK_CLOEXEC), -1);
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
