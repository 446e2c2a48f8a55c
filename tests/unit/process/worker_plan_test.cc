// Routed and judged by one plan: a reload between any two steps of a session changes neither for it, and both
// for the next one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "filters/policy.h"
#include "unit/process/worker_fixture.h"

namespace postern::server {
namespace {

// Two mail servers that say yes to everything. Each tells by its answer to a NOOP which one it is.
class TwoUpstreams {
 public:
  TwoUpstreams() {
    EXPECT_EQ(::pipe2(stop_.data(), O_CLOEXEC), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~TwoUpstreams() {
    ::close(stop_[1]);  // wakes poll() for good
    thread_.join();
    ::close(stop_[0]);
  }
  sockaddr_storage address(std::size_t which) const { return net::address_of(sockets_[which]); }

 private:
  void serve() {
    std::array<pollfd, 3> waits{
        {{stop_[0], POLLIN, 0}, {sockets_[0].fd(), POLLIN, 0}, {sockets_[1].fd(), POLLIN, 0}}};
    while (::poll(waits.data(), waits.size(), -1) > 0 && waits[0].revents == 0)
      for (std::size_t i = 0; i < 2; ++i)
        if (waits[i + 1].revents != 0) talk(i);
  }
  // One connection to its end: the gateway's tests have one session at a time.
  void talk(std::size_t which) {
    const net::Socket client(::accept4(sockets_[which].fd(), nullptr, nullptr, SOCK_CLOEXEC));
    say(client, "* OK [CAPABILITY IMAP4rev1] ready\r\n");
    std::string line;
    char octet = 0;
    while (readable(client) && ::recv(client.fd(), &octet, 1, 0) == 1) {
      line += octet;
      if (octet != '\n') continue;
      const std::string tag = line.substr(0, line.find(' '));
      if (line.find(" LIST ") != std::string::npos) say(client, "* LIST () \"/\" \"\"\r\n");
      say(client, tag + " OK upstream " + std::to_string(which) + "\r\n");
      line.clear();
    }
  }
  bool readable(const net::Socket& client) const {
    std::array<pollfd, 2> waits{{{stop_[0], POLLIN, 0}, {client.fd(), POLLIN, 0}}};
    return ::poll(waits.data(), waits.size(), -1) > 0 && waits[0].revents == 0;
  }
  static void say(const net::Socket& client, const std::string& text) {
    EXPECT_EQ(::send(client.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  std::array<net::Socket, 2> sockets_{net::listening_socket(), net::listening_socket()};
  std::array<int, 2> stop_{-1, -1};
  std::thread thread_;
};

class PlanTest : public WorkerTest {
 protected:
  // Plan 0 leads to upstream 0 and denies what deletes; plan 1 leads to upstream 1 and has no rules. Each
  // call is another snapshot, as each reload is.
  Published plan(std::size_t number) const {
    const Published base = published("plan " + std::to_string(number));
    auto snapshot = std::make_shared<Snapshot>(*base.snapshot);
    if (number == 0) {
      snapshot->settings.rules.emplace_back().action = config::RuleAction::Organise;
      snapshot->settings.rules.front().name = "keep";
      snapshot->policy = std::make_shared<const filters::Policy>(snapshot->settings);
      snapshot->rule_slots = {0};
    }
    auto view = std::make_shared<UpstreamView>(*base.view);
    EndpointView& endpoint = view->upstreams[0].endpoints.emplace_back();
    endpoint.endpoint.address = upstreams.address(number);
    endpoint.endpoint.text = endpoint.address_text = "mail" + std::to_string(number) + ".example:143";
    return {snapshot, view};
  }
  // One session under plan `number`. `step` is called between any two of its steps.
  template <typename Step>
  void expect_served_by(std::size_t number, Step step) {
    Client client(address);
    EXPECT_NE(client.line().find("plan " + std::to_string(number)), std::string::npos);
    step();
    client.send("a LOGIN alice ");
    step();
    client.send("secret\r\n");
    EXPECT_EQ(client.line().rfind("a OK", 0), 0U);
    step();
    client.send("b NOOP\r\n");
    EXPECT_EQ(client.line(), "b OK upstream " + std::to_string(number) + "\r\n");
    step();
    client.send("c DELETE ");
    step();
    client.send("Archive\r\n");
    EXPECT_EQ(client.line().rfind(number == 0 ? "c NO [NOPERM]" : "c OK upstream 1", 0), 0U);
    step();
    client.send("d LOGOUT\r\n");
    EXPECT_NE(client.rest().find("d OK upstream " + std::to_string(number)), std::string::npos);
  }
  static constexpr std::size_t kSteps = 6;

  TwoUpstreams upstreams;
};

TEST_F(PlanTest, AReloadAtAnyStepIsForTheNextSession) {
  for (std::size_t first : {0U, 1U}) {
    for (std::size_t at = 0; at < kSteps; ++at) {
      SCOPED_TRACE("from plan " + std::to_string(first) + ", at step " + std::to_string(at));
      if (first == 0 && at == 0) {
        start(plan(first));
      } else {
        reload(plan(first));
      }
      std::size_t steps = 0;
      expect_served_by(first, [&] {
        if (steps++ == at) reload(plan(1 - first));
      });
      EXPECT_EQ(steps, kSteps);
      expect_served_by(1 - first, [] {});
    }
  }
}

TEST_F(PlanTest, AReloadAtEveryStep) {
  start(plan(0));
  std::size_t running = 0;
  const auto other = [&] { reload(plan(running = 1 - running)); };
  for (int sessions = 0; sessions < 4; ++sessions) {
    expect_served_by(running, other);
    other();
  }
}

// What is learnt of the upstreams while a session waits at the gate is not of another plan.
TEST_F(PlanTest, ANewerViewOfItsOwnPlanIsForAllSessions) {
  const Published full = plan(1);
  auto nowhere = std::make_shared<UpstreamView>(*full.view);
  nowhere->upstreams[0].endpoints.clear();
  start({full.snapshot, nowhere});
  expect_served_by(1, [&, told = false]() mutable {
    if (!std::exchange(told, true)) reload(full);
  });
}

}  // namespace
}  // namespace postern::server
