// A real worker with one clear-text listener, and a client that blocks.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/ledger.h"
#include "process/worker.h"
#include "unit/net/support.h"
#include "unit/process/support.h"

namespace postern::server {

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
    gate.on_crossing([this] { worker.notify_gate(); });
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
  // Returns when the worker has it.
  void reload(Published next) {
    std::promise<void> adopted;
    worker.publish(std::move(next), [&adopted] { adopted.set_value(); });
    adopted.get_future().wait();
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
  WorkerEnvironment environment{ledger, log, gate, [this] { told_of_end = true; }};
  Worker worker{environment, 1, CellSlots(1)};
  sockaddr_storage address{};
};

}  // namespace postern::server
