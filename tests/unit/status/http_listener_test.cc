#include "status/http_listener.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "unit/net/support.h"

namespace postern::server {
namespace {

const std::string kGet = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

class StatusTest : public ::testing::Test {
 protected:
  StatusTest() : status(loop.get(), [this](const HttpRequest& request) { return answer(request); }) {
    net::Socket socket = net::loopback_socket();
    address = net::address_of(socket);
    EXPECT_TRUE(status.open(std::move(socket)));
  }
  void TearDown() override {
    status.close();
    for (const auto& client : clients) client->close();
    loop.until([this] {
      for (const auto& client : clients)
        if (!client->closed()) return false;
      return true;
    });
  }
  HttpResponse answer(const HttpRequest& request) const {
    return {request.path == "/livez" ? 200 : 404, "text/plain; charset=utf-8", body};
  }
  net::Talker& client() {
    return *clients.emplace_back(std::make_unique<net::Talker>(loop, net::connect_to(address)));
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }

  net::Loop loop;
  std::string body = "ok\n";
  StatusListener status;
  sockaddr_storage address{};
  std::vector<std::unique_ptr<net::Talker>> clients;
};

TEST_F(StatusTest, AnswersOverASocket) {
  net::Talker& asker = client();
  asker.send(kGet);
  loop.until([&] { return asker.has_received("\r\n\r\nok\n"); });
  EXPECT_EQ(asker.received.rfind("HTTP/1.1 200 OK\r\nDate: ", 0), 0U);
}

TEST_F(StatusTest, KeepsTheConnectionForTheNextRequest) {
  net::Talker& asker = client();
  asker.send(kGet);
  loop.until([&] { return count(asker.received, "HTTP/1.1 200") == 1; });
  asker.send(kGet + kGet);
  loop.until([&] { return count(asker.received, "HTTP/1.1 200") == 3; });
  EXPECT_EQ(status.connections(), 1U);
}

TEST_F(StatusTest, ClosesAfterAnError) {
  net::Talker& asker = client();
  asker.send("a1 LOGIN alice secret\r\n");
  loop.until([&] { return asker.ended; });
  EXPECT_EQ(asker.end_error, 0);  // in order, not by a reset
  EXPECT_EQ(asker.received.rfind("HTTP/1.1 400 Bad Request\r\n", 0), 0U);
  asker.close();
  loop.until([this] { return status.connections() == 0; });
}

TEST_F(StatusTest, AnswersAClientThatHasClosedItsHalf) {
  body = std::string(4'000'000, 'x');
  net::Talker& asker = client();
  asker.send(kGet);
  asker.stream().shutdown();
  loop.until([&] { return asker.ended; });
  EXPECT_GT(asker.received.size(), body.size());
}

TEST_F(StatusTest, GivesALargeAnswerToASlowReader) {
  body = std::string(4'000'000, 'x');
  net::Talker& asker = client();
  asker.memory_bytes = 1000;
  asker.send(kGet);
  const auto told = [&] { return asker.received.substr(asker.received.find("\r\n\r\n") + 4); };
  loop.until([&] { return asker.received.size() > body.size() && told().size() >= body.size(); });
  EXPECT_TRUE(told() == body) << asker.received.substr(0, 300);
}

TEST_F(StatusTest, HoldsALimitedNumberOfConnections) {
  for (std::size_t i = 0; i < StatusListener::kConnectionsMax; ++i) client();
  loop.until([this] { return status.connections() == StatusListener::kConnectionsMax; });
  net::Talker& one_too_many = client();
  loop.until([&] { return one_too_many.ended; });
  EXPECT_EQ(status.connections(), StatusListener::kConnectionsMax);
  clients.front()->close();
  loop.until([this] { return status.connections() < StatusListener::kConnectionsMax; });
  net::Talker& next = client();
  next.send(kGet);
  loop.until([&] { return next.has_received("ok\n"); });
}

TEST_F(StatusTest, EndsWhoTakesTooLong) {
  StatusTimes strict;
  strict.request_ms = strict.idle_ms = strict.sweep_ms = 1;
  StatusListener impatient(
      loop.get(), [this](const HttpRequest& request) { return answer(request); }, strict);
  net::Socket socket = net::loopback_socket();
  address = net::address_of(socket);
  ASSERT_TRUE(impatient.open(std::move(socket)));
  net::Talker& says_nothing = client();
  loop.until([&] { return says_nothing.ended; });
  EXPECT_EQ(says_nothing.received, "");
  net::Talker& stops_halfway = client();
  stops_halfway.send("GET /liv");
  loop.until([&] { return stops_halfway.ended; });
  EXPECT_EQ(stops_halfway.received, "");
  impatient.close();
}

}  // namespace
}  // namespace postern::server
