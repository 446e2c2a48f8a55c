// The relay from end to end over real sockets: a client, the gateway and a scripted upstream in one loop. In
// clear text here, so that the octets can be read; relay_tls_test.cc does the same inside TLS.
#include "relay/relay.h"

#include "unit/relay/relay_fixture.h"

namespace postern::net {
namespace {

using telemetry::ConnectResult;

TEST_F(RelayTest, LogsInAndCarriesCommandsAndAnswers) {
  log_in();
  EXPECT_EQ(gateway_.asked_for, std::vector<std::string>{"alice"});
  EXPECT_EQ(gateway_.ledger_.succeeded, std::vector<std::string>{"alice"});
  EXPECT_EQ(gateway_.connects(ConnectResult::Ok), 1U);
  EXPECT_EQ(gateway_.upstream_cells().active.load(), 1U);
  EXPECT_EQ(gateway_.listener().active.load(), 1U);
  says("b NOOP\r\n");
  hears("b OK done\r\n");
  EXPECT_TRUE(upstream_.has_heard("b NOOP\r\n"));
  EXPECT_TRUE(gateway_.log_.line("login").find("user=alice mechanism=LOGIN") != std::string::npos);
}

TEST_F(RelayTest, LogoutEndsBothConnectionsAndIsToldInOneLine) {
  log_in();
  says("b LOGOUT\r\n");
  hears("* BYE");
  hears("b OK");
  hears_the_end();
  client_->close();
  session_ends();
  EXPECT_EQ(gateway_.closed(CloseReason::Logout), 1U);
  const std::string line = gateway_.log_.line("session closed");
  EXPECT_NE(line.find("session=s1 listener=front client=127.0.0.1 user=alice reason=logout"),
            std::string::npos)
      << line;
  EXPECT_NE(line.find(" commands=2"), std::string::npos) << line;
  EXPECT_NE(line.find(" client_in=32 "), std::string::npos) << line;
  const std::string port = " client_port=" + std::to_string(gateway_.client_port);
  EXPECT_NE(line.find(port), std::string::npos) << line;
  EXPECT_NE(gateway_.log_.line("login").find(port), std::string::npos);
}

TEST_F(RelayTest, CountsWhatCrossedTheSockets) {
  log_in();
  says("b NOOP\r\n");
  hears("b OK done\r\n");
  EXPECT_EQ(gateway_.cells().side(Side::Client).received_bytes.load(), 22U + 8U);
  EXPECT_EQ(gateway_.cells().side(Side::Upstream).sent_bytes.load(), upstream_.heard.size());
}

TEST_F(RelayTest, ARefusedPasswordIsToldAfterThePenaltyAndLoggedWithoutIt) {
  connect();
  says("a LOGIN alice hunter2\r\n");
  hears("a NO [AUTHENTICATIONFAILED]");
  EXPECT_EQ(gateway_.ledger_.failed, std::vector<std::string>{"127.0.0.1 alice"});
  EXPECT_EQ(gateway_.upstream_cells().active.load(), 0U) << "the upstream leg is closed";
  EXPECT_NE(gateway_.log_.line("login failed").find("client=127.0.0.1 user=alice mechanism=LOGIN"),
            std::string::npos);
  EXPECT_FALSE(gateway_.log_.has("hunter2"));
  says("b LOGIN alice secret\r\n");
  hears("b OK");
  EXPECT_EQ(upstream_.talkers.size(), 2U) << "each attempt dials anew";
  EXPECT_EQ(gateway_.connects(ConnectResult::Ok), 2U);
}

TEST_F(RelayTest, ABannedUserIsNotDialledFor) {
  gateway_.ledger_.banned = "mallory";
  connect();
  says("a LOGIN mallory secret\r\n");
  hears("a NO [LIMIT]");
  EXPECT_TRUE(upstream_.talkers.empty());
  EXPECT_TRUE(gateway_.asked_for.empty());
}

TEST_F(RelayTest, AServerThatRefusesIsFollowedByTheNext) {
  const Socket refusing = loopback_socket();
  const Endpoint first{address_of(refusing), "first.example:143", ""};
  gateway_.upstream.endpoints.insert(gateway_.upstream.endpoints.begin(), first);
  log_in();
  EXPECT_EQ(gateway_.connects(ConnectResult::Refused), 1U);
  EXPECT_EQ(gateway_.connects(ConnectResult::Ok), 1U);
  const std::string line = gateway_.log_.line("upstream failed");
  EXPECT_NE(line.find("server=first.example:143 reason=refused state=not connected"), std::string::npos)
      << line;
}

TEST_F(RelayTest, AServerWithABadGreetingIsFollowedByTheNext) {
  FakeUpstream odd(loop_);
  odd.greeting = "220 smtp.example ESMTP\r\n";
  gateway_.upstream.endpoints.insert(gateway_.upstream.endpoints.begin(), odd.endpoint());
  log_in();
  EXPECT_EQ(gateway_.connects(ConnectResult::Greeting), 1U);
  EXPECT_EQ(gateway_.connects(ConnectResult::Ok), 1U);
  EXPECT_EQ(odd.heard, "") << "no credentials for whom nobody knows";
}

// Whoever writes the log escapes what he writes: an excerpt that came escaped would be so twice.
TEST_F(RelayTest, WhatAServerSaidWrongStandsInTheLogsFieldAsItWas) {
  log_in();
  upstream_.last().send("C:\\mail\x01\xff\r\n");
  hears("* BYE ");
  session_ends();
  const std::string line = gateway_.log_.line("session closed");
  EXPECT_NE(line.find(", got C:\\mail\x01\xff\r"), std::string::npos) << line;
}

TEST_F(RelayTest, EachServerGetsThePrefaceAheadOfEverything) {
  FakeUpstream odd(loop_);
  odd.greeting = "220 smtp.example ESMTP\r\n";
  gateway_.upstream.endpoints.insert(gateway_.upstream.endpoints.begin(), odd.endpoint());
  gateway_.upstream.preface = odd.preface = upstream_.preface = "PROXY UNKNOWN\r\n";
  log_in();
  EXPECT_EQ(upstream_.prefaces_seen, 1U);
  EXPECT_EQ(gateway_.cells().side(Side::Upstream).sent_bytes.load(),
            upstream_.heard.size() + 2 * upstream_.preface.size());
  loop_.until([&] { return odd.prefaces_seen == 1; });
}

// Its backlog is full, so the kernel drops what would open another connection.
TEST_F(RelayTest, AServerThatDoesNotAnswerIsFollowedByTheNext) {
  const Socket deaf = loopback_socket();
  ASSERT_EQ(::listen(deaf.fd(), 0), 0);
  const Socket occupying = connect_to(address_of(deaf));
  gateway_.upstream.endpoints.insert(gateway_.upstream.endpoints.begin(),
                                     {address_of(deaf), "deaf.example:143", ""});
  gateway_.settings->limits.timeouts.upstream_connect = std::chrono::milliseconds(1);
  log_in();
  EXPECT_EQ(gateway_.connects(ConnectResult::Timeout), 1U);
  EXPECT_EQ(gateway_.connects(ConnectResult::Ok), 1U);
  EXPECT_TRUE(gateway_.log_.has("server=deaf.example:143 reason=timeout"));
}

TEST_F(RelayTest, AClientThatGivesUpOnADialIsCountedAsNeither) {
  const Socket deaf = loopback_socket();
  ASSERT_EQ(::listen(deaf.fd(), 0), 0);
  const Socket occupying = connect_to(address_of(deaf));
  gateway_.upstream.endpoints = {{address_of(deaf), "deaf.example:143", ""}};
  Socket socket = connect_resettable();
  loop_.until([&] { return !gateway_.asked_for.empty(); });
  socket.close();
  session_ends();
  for (const auto& result : gateway_.upstream_cells().connects) EXPECT_EQ(result.load(), 0U);
}

TEST_F(RelayTest, WithoutAServerTheClientIsToldUnavailable) {
  gateway_.upstream.endpoints.clear();
  gateway_.upstream.why_empty = ErrorCode::UpstreamDns;
  connect();
  says("a LOGIN alice secret\r\n");
  hears("a NO [UNAVAILABLE]");
  EXPECT_NE(gateway_.log_.line("login unavailable").find("code=dns"), std::string::npos);
  EXPECT_TRUE(gateway_.ledger_.failed.empty()) << "it is not the user's failure";
}

TEST_F(RelayTest, AThousandPipelinedCommandsAreAnsweredInTurns) {
  log_in();
  std::string commands;
  for (int i = 0; i < 1000; ++i) commands += "n" + std::to_string(i) + " NOOP\r\n";
  says(commands);
  hears("n999 OK done\r\n");
  EXPECT_GT(gateway_.turns, 0U) << "others had their turn in between";
}

TEST_F(RelayTest, ALargeLiteralDownReachesASlowReaderAndMemoryStaysBounded) {
  gateway_.settings->limits.buffer = 128 * 1024;
  for (std::size_t i = 0; i < 24 * 1024 * 1024; ++i)
    upstream_.body += static_cast<char>('a' + i * 2654435761U % 26);
  log_in();
  client_->read(false);
  says("f FETCH 1 BODY[]\r\n");
  loop_.until([&] { return upstream_.has_heard("f FETCH"); });
  // Until nothing moves any more: every buffer of the kernel is full.
  std::uint64_t before = 1;
  while (before != gateway_.cells().side(Side::Upstream).received_bytes.load()) {
    before = gateway_.cells().side(Side::Upstream).received_bytes.load();
    for (int i = 0; i < 50; ++i) loop_.turn();
  }
  EXPECT_LT(before, upstream_.body.size()) << "the upstream is not read while the client does not read";
  EXPECT_LE(gateway_.buffered(), 128U * 1024 + 2 * 64 * 1024);
  client_->read(true);
  loop_.until([&] { return client_->received.ends_with(")\r\nf OK fetched\r\n"); });
  const std::size_t start = client_->received.find("}\r\n") + 3;
  EXPECT_TRUE(client_->received.compare(start, upstream_.body.size(), upstream_.body) == 0);
  EXPECT_EQ(gateway_.buffered(), 0U);
}

TEST_F(RelayTest, ALargeLiteralUpReachesASlowServerAndMemoryStaysBounded) {
  gateway_.settings->limits.buffer = 128 * 1024;
  std::string body;
  for (std::size_t i = 0; i < 24 * 1024 * 1024; ++i) body += static_cast<char>('a' + i * 2654435761U % 26);
  log_in();
  says("p APPEND INBOX {" + std::to_string(body.size()) + "}\r\n");
  hears("+ ");
  upstream_.last().read(false);
  says(body + "\r\n");
  std::uint64_t before = 1;
  while (before != gateway_.cells().side(Side::Client).received_bytes.load()) {
    before = gateway_.cells().side(Side::Client).received_bytes.load();
    for (int i = 0; i < 50; ++i) loop_.turn();
  }
  EXPECT_LT(before, body.size());
  EXPECT_LE(gateway_.buffered(), 128U * 1024 + 2 * 64 * 1024);
  upstream_.last().read(true);
  hears("p OK [APPENDUID 1 1] stored\r\n");
  EXPECT_TRUE(upstream_.appended == body);
}

TEST_F(RelayTest, AnUpstreamThatIsLostInsideALiteralCutsTheClientWithoutAWord) {
  upstream_.body = std::string(100, 'b');
  upstream_.body_part = 50;
  log_in();
  says("f FETCH 1 BODY[]\r\n");
  hears("{100}\r\n" + std::string(50, 'b'));
  upstream_.last().close();
  hears_the_end();
  EXPECT_EQ(client_->received, "") << "no BYE inside a literal";
  client_->close();
  session_ends();
  const std::string line = gateway_.log_.line("session closed");
  EXPECT_NE(line.find("reason=upstream_closed"), std::string::npos) << line;
  EXPECT_EQ(gateway_.closed(CloseReason::UpstreamEof), 1U);
}

TEST_F(RelayTest, AnUpstreamThatIsLostAtABoundaryIsABye) {
  log_in();
  upstream_.last().close();
  hears("* BYE [UNAVAILABLE]");
  hears_the_end();
  client_->close();
  session_ends();
}

TEST_F(RelayTest, AClientThatClosesItsSideIsStillAnswered) {
  log_in();
  says("b NOOP\r\n");
  client_->stream().shutdown();
  hears("b OK done\r\n");
  hears_the_end();
  session_ends();
  EXPECT_EQ(gateway_.closed(CloseReason::ClientEof), 1U);
}

TEST_F(RelayTest, AClientThatIsResetTakesItsUpstreamConnectionAlong) {
  Socket socket = connect_resettable();
  loop_.until([&] { return gateway_.log_.has("login session=s1"); });
  socket.close();
  loop_.until([&] { return upstream_.last().ended; });
  session_ends();
  EXPECT_NE(gateway_.log_.line("session closed").find("reason=client_reset"), std::string::npos);
}

TEST_F(RelayTest, DrainSaysByeAtOnceToWhoeverWaits) {
  log_in();
  gateway_.only().drain();
  hears("* BYE");
  hears_the_end();
  client_->close();
  session_ends();
  EXPECT_EQ(gateway_.closed(CloseReason::Drain), 1U);
}

TEST_F(RelayTest, DrainLetsTheRunningCommandFinish) {
  upstream_.body = std::string(1000, 'b');
  upstream_.body_part = 500;
  log_in();
  says("f FETCH 1 BODY[]\r\n");
  hears(std::string(500, 'b'));
  gateway_.only().drain();
  for (int i = 0; i < 10; ++i) loop_.turn();
  EXPECT_EQ(client_->received, "");
  upstream_.last().send(std::string(500, 'b') + ")\r\nf OK fetched\r\n");
  hears(")\r\nf OK fetched\r\n");
  hears("* BYE");
  hears_the_end();
}

TEST_F(RelayTest, KillClosesNow) {
  log_in();
  gateway_.only().kill();
  loop_.until([&] { return client_->ended; });
  session_ends();
  EXPECT_EQ(gateway_.closed(CloseReason::Drain), 1U);
}

TEST_F(RelayTest, AClientThatNeverClosesItsSideIsClosedAllTheSame) {
  connect();
  says("a LOGOUT\r\n");
  hears("a OK");
  hears_the_end();
  session_ends();  // a second later, though this end stays open
}

TEST_F(RelayTest, OctetsBehindLogoutDoNotTurnTheByeIntoAReset) {
  connect();
  client_->read(false);
  says("a LOGOUT\r\n" + std::string(300'000, 'x'));
  for (int i = 0; i < 20; ++i) loop_.turn();
  client_->read(true);
  hears("* BYE");
  hears("a OK");
  hears_the_end();
}

TEST_F(RelayTest, AnHttpClientIsClosedWithoutAnEcho) {
  connect();
  client_->received.clear();
  says("POST / HTTP/1.1\r\nHost: x\r\n\r\na LOGIN alice secret\r\n");
  loop_.until([&] { return client_->ended; });
  EXPECT_EQ(client_->received.find("POST"), std::string::npos);
  EXPECT_TRUE(upstream_.talkers.empty());
  client_->close();
  session_ends();
  EXPECT_NE(gateway_.log_.line("session closed").find("reason=not_imap"), std::string::npos);
}

// limits.bandwidth_per_session: the first octets cost no time, the rest arrives as it is paid for.
TEST_F(RelayTest, ABandwidthLimitSlowsDownAndLosesNothing) {
  constexpr std::size_t kRate = 4 * 1024 * 1024;
  gateway_.settings->limits.bandwidth_per_session = kRate;
  for (std::size_t i = 0; i < kRate + kRate / 4; ++i)
    upstream_.body += static_cast<char>('a' + i * 2654435761U % 26);
  log_in();
  const std::uint64_t begin_ns = uv_hrtime();
  says("f FETCH 1 BODY[]\r\n");
  loop_.until([&] { return client_->received.ends_with(")\r\nf OK fetched\r\n"); });
  // A second's worth goes at once, and the last read is paid for when it has been made.
  constexpr std::size_t kPaidFor = kRate / 4 - 64 * 1024;
  EXPECT_GE(uv_hrtime() - begin_ns, kPaidFor * std::uint64_t{1'000'000'000} / kRate);
  const std::size_t start = client_->received.find("}\r\n") + 3;
  EXPECT_TRUE(client_->received.compare(start, upstream_.body.size(), upstream_.body) == 0);
}

TEST_F(RelayTest, OverItsBandwidthNeitherSideIsRead) {
  gateway_.settings->limits.bandwidth_per_session = 1;
  log_in();
  const std::uint64_t before = gateway_.cells().side(Side::Client).received_bytes.load();
  says("p APPEND INBOX {1000000}\r\n");
  hears("+ ");
  says(std::string(1'000'000, 'x') + "\r\n");
  upstream_.last().send("* OK still here\r\n");
  std::uint64_t seen = before;
  do {  // until nothing moves any more
    seen = gateway_.cells().side(Side::Client).received_bytes.load();
    for (int i = 0; i < 50; ++i) loop_.turn();
  } while (seen != gateway_.cells().side(Side::Client).received_bytes.load());
  EXPECT_GE(seen, 64U * 1024) << "so much is allowed at once, however low the rate is";
  EXPECT_LE(seen, 64U * 1024 + 2 * 4 * 1024);
  const std::uint64_t told = gateway_.cells().side(Side::Upstream).received_bytes.load();
  upstream_.last().send("* OK and here\r\n");
  for (int i = 0; i < 50; ++i) loop_.turn();
  EXPECT_EQ(gateway_.cells().side(Side::Upstream).received_bytes.load(), told);
}

TEST_F(RelayTest, WithoutABandwidthLimitNothingWaits) {
  log_in();
  const std::uint64_t before = gateway_.cells().side(Side::Client).received_bytes.load();
  says("p APPEND INBOX {1000000}\r\n");
  hears("+ ");
  says(std::string(1'000'000, 'x') + "\r\n");
  hears("p OK");
  EXPECT_GT(gateway_.cells().side(Side::Client).received_bytes.load(), before + 1'000'000);
}

// Whom a trusted proxy speaks for is known only by its ID, and counted from then on.
TEST_F(RelayTest, AClientThatATrustedProxySpeaksForNeedsASeat) {
  gateway_.facts.trusted = true;
  connect();
  says("a ID (\"x-originating-ip\" \"192.0.2.9\")\r\n");
  hears("a OK");
  EXPECT_EQ(gateway_.ledger_.seated, std::vector<std::string>{"192.0.2.9"});
}

TEST_F(RelayTest, ATrustedProxyThatSpeaksForNobodyNeedsNoSeat) {
  gateway_.facts.trusted = true;
  gateway_.ledger_.full = true;
  connect();
  says("a ID (\"name\" \"webmail\")\r\n");
  hears("a OK");
  says("b NOOP\r\n");
  hears("b OK");
  EXPECT_TRUE(gateway_.ledger_.seated.empty());
}

TEST_F(RelayTest, AClientThatATrustedProxySpeaksForIsRefusedWithoutASeat) {
  gateway_.facts.trusted = true;
  gateway_.ledger_.full = true;
  connect();
  says("a ID (\"x-originating-ip\" \"192.0.2.9\")\r\n");
  hears("a OK");
  hears("* BYE [LIMIT] ");
  hears_the_end();
  client_->close();
  session_ends();
  EXPECT_EQ(gateway_.closed(CloseReason::Policy), 1U);
}

}  // namespace
}  // namespace postern::net
