#include "server/worker.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>

#include "imap/sasl.h"
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
  LoginLedger ledger{config::LoginLimits{}, {}};
  SessionGate gate;
  std::atomic<bool> told_of_end{false};
  WorkerSurroundings around{ledger, log, gate, [this] { told_of_end = true; }};
  Worker worker{around, 1, 1};
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
