#include "net/listener.h"

#include <sys/resource.h>

#include "unit/net/support.h"

namespace postern::net {
namespace {

struct Arrival {
  std::size_t listener = 0;
  Socket socket;
  Peer peer;
};

// The worker's part: keeps what was accepted, and counts.
class Door final : public Acceptor {
 public:
  void accepted(std::size_t listener, Socket client, Peer peer) noexcept override {
    arrivals.push_back({listener, std::move(client), std::move(peer)});
    if (on_arrival) on_arrival();
  }
  void accept_failed(std::size_t, int error) noexcept override {
    ++failures;
    last_error = error;
  }

  std::vector<Arrival> arrivals;
  std::function<void()> on_arrival;
  int failures = 0;
  int last_error = 0;
};

class ListenerTest : public ::testing::Test {
 protected:
  void open() {
    Socket socket = loopback_socket();
    address_ = address_of(socket);
    ASSERT_TRUE(listener_.open(loop_.get(), std::move(socket)));
  }
  Socket connect() { return connect_to(address_); }
  // One that goes well comes first: the sanitizer looks at a type when it is first called virtually, and
  // needs descriptors of its own for that.
  void open_and_accept_one() {
    open();
    const Socket client = connect();
    loop_.until([&] { return door_.arrivals.size() == 1; });
    door_.arrivals.clear();
  }

  Loop loop_;
  Door door_;
  Listener listener_{door_, 7};
  sockaddr_storage address_{};
};

TEST_F(ListenerTest, TellsWhoCameToWhichListener) {
  open();
  const Socket client = connect();
  loop_.until([&] { return !door_.arrivals.empty(); });
  EXPECT_EQ(door_.arrivals[0].listener, 7U);
  EXPECT_EQ(door_.arrivals[0].peer.address, "127.0.0.1");
  EXPECT_EQ(door_.arrivals[0].peer.port, port_of(address_of(client)));
}

TEST_F(ListenerTest, TakesAtMostSoManyInOneTurn) {
  open();
  std::vector<Socket> clients;
  for (int i = 0; i < Listener::kConnectionsPerTurn + 6; ++i) clients.push_back(connect());
  loop_.turn();
  EXPECT_EQ(door_.arrivals.size(), static_cast<std::size_t>(Listener::kConnectionsPerTurn));
  loop_.until([&] { return door_.arrivals.size() == clients.size(); });
}

TEST_F(ListenerTest, APausedOneLeavesConnectionsInTheBacklog) {
  open();
  listener_.pause();
  EXPECT_TRUE(listener_.paused());
  const Socket client = connect();
  loop_.turn();
  loop_.turn();
  EXPECT_TRUE(door_.arrivals.empty());
  listener_.resume();
  loop_.until([&] { return door_.arrivals.size() == 1; });
}

TEST_F(ListenerTest, TheWorkerMayPauseItInTheMiddleOfATurn) {
  open();
  door_.on_arrival = [&] { listener_.pause(); };
  const Socket first = connect();
  const Socket second = connect();
  loop_.until([&] { return !door_.arrivals.empty(); });
  loop_.turn();
  EXPECT_EQ(door_.arrivals.size(), 1U);
}

TEST_F(ListenerTest, TheWorkerMayCloseItInTheMiddleOfATurn) {
  open();
  door_.on_arrival = [&] { listener_.close(); };
  const Socket first = connect();
  const Socket second = connect();
  loop_.until([&] { return !door_.arrivals.empty(); });
  loop_.turn();
  EXPECT_EQ(door_.arrivals.size(), 1U);
}

TEST_F(ListenerTest, AClosedOneRefuses) {
  open();
  listener_.close();
  const Socket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&address_), length_of(address_)), -1);
  EXPECT_EQ(errno, ECONNREFUSED);
}

// No descriptor is left: accept fails, but the kernel goes on saying that somebody waits.
TEST_F(ListenerTest, RestsWhenDescriptorsRunOut) {
  open_and_accept_one();
  const Socket client = connect();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const Socket probe(::dup(client.fd()));
  const rlimit none{static_cast<rlim_t>(client.fd()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::uint64_t start = uv_hrtime();
  for (int i = 0; i < 1000; ++i) loop_.turn();
  const std::uint64_t rests = (uv_hrtime() - start) / (Listener::kRestMs * 1'000'000);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);

  EXPECT_GE(door_.failures, 1);
  EXPECT_LE(door_.failures, static_cast<int>(rests) + 1) << "one attempt for each rest";
  EXPECT_EQ(door_.last_error, EMFILE);
  EXPECT_TRUE(door_.arrivals.empty());
  listener_.resume();  // a relay has ended: no need to wait for the end of the rest
  loop_.turn();
  EXPECT_EQ(door_.arrivals.size(), 1U);
}

TEST_F(ListenerTest, TheRestEndsByItself) {
  open_and_accept_one();
  const Socket client = connect();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{static_cast<rlim_t>(client.fd()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  while (door_.failures == 0) loop_.turn();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  loop_.until([&] { return door_.arrivals.size() == 1; });
}

}  // namespace
}  // namespace postern::net
