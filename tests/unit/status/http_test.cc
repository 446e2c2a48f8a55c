#include "status/http.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::server {
namespace {

const std::string kDate = "Sat, 21 Nov 2026 03:57:00 GMT";

HttpResponse answer(const HttpRequest& request) {
  if (request.path != "/livez") return {404, "text/plain; charset=utf-8", "no such page\n"};
  return {200, "text/plain; charset=utf-8", "ok " + request.query + "\n"};
}

// A connection on which everything written is taken at once.
class Client {
 public:
  Client() : session_(answer, [] { return kDate; }) {}

  std::string send(std::string_view octets) {
    session_.input(octets);
    return receive();
  }
  std::string send_one_by_one(std::string_view octets) {
    std::string received;
    for (std::size_t i = 0; i < octets.size(); ++i) received += send(octets.substr(i, 1));
    return received;
  }
  std::string receive() {
    std::string received;
    while (!session_.output().empty()) {
      received += session_.output();
      session_.sent();
    }
    return received;
  }
  HttpSession& session() { return session_; }

 private:
  HttpSession session_;
};

std::string response(const std::string& status, const std::string& body, const std::string& connection) {
  return "HTTP/1.1 " + status + "\r\nDate: " + kDate +
         "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + (status.starts_with("405") ? "Allow: GET, HEAD\r\n" : "") +
         "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: " + connection +
         "\r\n\r\n" + body;
}

const std::string kGet = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string kOk = response("200 OK", "ok \n", "keep-alive");

TEST(Http, AnswersGet) {
  Client client;
  EXPECT_EQ(client.send(kGet), kOk);
  EXPECT_FALSE(client.session().closing());
}

TEST(Http, AnswersHeadWithoutTheBody) {
  Client client;
  EXPECT_EQ(client.send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n"), kOk.substr(0, kOk.size() - 4));
}

TEST(Http, HandsOverTheQuery) {
  Client client;
  EXPECT_EQ(client.send("GET /livez?verbose&x=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
            response("200 OK", "ok verbose&x=1\n", "keep-alive"));
}

TEST(Http, TakesAWholeUrl) {
  Client client;
  EXPECT_EQ(client.send("GET http://postern:9143/livez HTTP/1.1\r\nHost: x\r\n\r\n"), kOk);
}

TEST(Http, KeepsTheConnection) {
  Client client;
  EXPECT_EQ(client.send(kGet), kOk);
  EXPECT_EQ(client.send(kGet), kOk);
}

TEST(Http, ClosesWhereTheClientWantsIt) {
  Client client;
  EXPECT_EQ(client.send("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + kGet),
            response("200 OK", "ok \n", "close"));
  EXPECT_TRUE(client.session().closing());
  EXPECT_EQ(client.send(kGet), "");
}

TEST(Http, ClosesAfterHttp10) {
  Client client;
  EXPECT_EQ(client.send("GET /livez HTTP/1.0\r\n\r\n"), response("200 OK", "ok \n", "close"));
  EXPECT_TRUE(client.session().closing());
}

TEST(Http, GivesTheSameHoweverItIsCut) {
  const std::string requests = kGet + "HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n" + "\r\n" +
                               "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + kGet;
  Client whole;
  const std::string expected = whole.send(requests);
  Client one_by_one;
  EXPECT_EQ(one_by_one.send_one_by_one(requests), expected);
  for (std::size_t cut = 0; cut <= requests.size(); ++cut) {
    Client client;
    std::string received = client.send(std::string_view(requests).substr(0, cut));
    received += client.send(std::string_view(requests).substr(cut));
    EXPECT_EQ(received, expected) << "cut at " << cut;
  }
}

TEST(Http, AnswersPipelinedRequestsOneAtATime) {
  Client client;
  client.session().input(kGet + kGet);
  EXPECT_EQ(client.session().output(), kOk);
  client.session().sent();
  EXPECT_EQ(client.session().output(), kOk);
  client.session().sent();
  EXPECT_EQ(client.session().output(), "");
}

TEST(Http, AnswersOtherMethodsWithWhatIsAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"}) {
    Client client;
    EXPECT_EQ(client.send(std::string(method) + " /livez HTTP/1.1\r\nHost: x\r\n\r\n"),
              response("405 Method Not Allowed", "only GET and HEAD\n", "keep-alive"))
        << method;
  }
}

TEST(Http, IsNoTunnel) {
  Client client;
  EXPECT_EQ(client.send("CONNECT imap:143 HTTP/1.1\r\nHost: x\r\n\r\n"),
            response("405 Method Not Allowed", "Method Not Allowed\n", "close"));
}

TEST(Http, DoesNotUpgrade) {
  Client client;
  EXPECT_EQ(
      client.send("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + kGet),
      kOk + kOk);
}

TEST(Http, RefusesBodies) {
  for (const char* header : {"Content-Length: 1", "Transfer-Encoding: chunked"}) {
    Client client;
    EXPECT_EQ(client.send(std::string("GET /livez HTTP/1.1\r\nHost: x\r\n") + header + "\r\n\r\nx"),
              response("413 Content Too Large", "Content Too Large\n", "close"))
        << header;
    EXPECT_TRUE(client.session().closing());
  }
}

TEST(Http, RefusesRubbish) {
  for (const char* rubbish : {"a1 login alice secret\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01", "GET\r\n\r\n",
                              "GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", "GET /livez HTTP/3.0\r\n\r\n"}) {
    Client client;
    EXPECT_EQ(client.send(rubbish), response("400 Bad Request", "Bad Request\n", "close"));
    EXPECT_TRUE(client.session().closing());
  }
}

std::string request_of(std::size_t octets) {
  const std::string begin = "GET /livez HTTP/1.1\r\nX: ";
  return begin + std::string(octets - begin.size() - 4, 'x') + "\r\n\r\n";
}

TEST(Http, LimitsTheHead) {
  const std::string too_large =
      response("431 Request Header Fields Too Large", "Request Header Fields Too Large\n", "close");
  Client below;
  EXPECT_EQ(below.send(request_of(HttpSession::kHeadBytes - 1)), kOk);
  Client at;
  EXPECT_EQ(at.send(request_of(HttpSession::kHeadBytes)), kOk);
  Client above;
  EXPECT_EQ(above.send(request_of(HttpSession::kHeadBytes + 1)), too_large);
  Client slowly;
  EXPECT_EQ(slowly.send_one_by_one(request_of(HttpSession::kHeadBytes + 1)), too_large);
  EXPECT_TRUE(slowly.session().closing());
}

TEST(Http, LimitsEachHeadAlone) {
  Client client;
  EXPECT_EQ(client.send(request_of(HttpSession::kHeadBytes) + request_of(HttpSession::kHeadBytes)),
            kOk + kOk);
}

TEST(Http, KnowsWhetherARequestHasBegun) {
  Client client;
  EXPECT_FALSE(client.session().in_request());
  client.send("\r\n");
  EXPECT_FALSE(client.session().in_request());
  client.send("G");
  EXPECT_TRUE(client.session().in_request());
  client.send(kGet.substr(1));
  EXPECT_FALSE(client.session().in_request());
}

}  // namespace
}  // namespace postern::server
