// The relay with TLS on either leg. Both far ends are engines of ours over plain talkers; what the engine
// does with a hostile peer is tested where the engine lives.
#include "unit/relay/relay_tls_fixture.h"

namespace postern::net {
namespace {

using telemetry::ConnectResult;
using telemetry::HandshakeFailure;
using telemetry::HandshakeMode;
using tls::TlsEngine;

TEST_F(RelayTlsTest, ImplicitTlsGreetsInTheSameSendAsTheTickets) {
  connect();
  secure_client();
  std::size_t reads_at_handshake = 0;
  client_->on_handshaken = [&] { reads_at_handshake = talker_->reads; };
  hears("* OK [CAPABILITY ");
  EXPECT_EQ(handshakes(Side::Client, HandshakeMode::Implicit, false), 1U);
  EXPECT_EQ(talker_->reads, reads_at_handshake + 1)
      << "Finished came back, and one read brought all the rest";
  log_in();
  EXPECT_NE(gateway_.log_.line("login").find("tls=TLSv1.3 cipher=TLS_"), std::string::npos);
}

TEST_F(RelayTlsTest, LogoutIsByeAndOkAndCloseNotify) {
  connect_securely();
  log_in();
  client_->send("b LOGOUT\r\n");
  hears("* BYE");
  hears("b OK");
  EXPECT_EQ(hears_the_end(), ReadStatus::CloseNotify);
  talker_->close();
  session_ends();
}

TEST_F(RelayTlsTest, AnUpstreamThatIsLostInsideALiteralIsSeenAsATruncation) {
  upstream_.body = std::string(100, 'b');
  upstream_.body_part = 50;
  connect_securely();
  log_in();
  client_->send("f FETCH 1 BODY[]\r\n");
  hears(std::string(50, 'b'));
  upstream_.last().close();
  EXPECT_EQ(hears_the_end(), ReadStatus::Truncated);
  EXPECT_EQ(client_->received, "");
}

TEST_F(RelayTlsTest, AClientThatLeavesWithoutCloseNotifyIsTold) {
  connect_securely();
  log_in();
  talker_->stream().shutdown();
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_NE(gateway_.log_.line("session closed").find("reason=client_truncated"), std::string::npos);
}

TEST_F(RelayTlsTest, AClientThatLeavesByCloseNotifyIsNoTruncation) {
  connect_securely();
  log_in();
  client_->close_notify();
  EXPECT_EQ(hears_the_end(), ReadStatus::CloseNotify);
  talker_->close();
  session_ends();
  EXPECT_NE(gateway_.log_.line("session closed").find("reason=client_closed"), std::string::npos);
}

TEST_F(RelayTlsTest, StarttlsThenLogin) {
  gateway_.facts.tls = config::ListenerTls::Starttls;
  connect();
  hears_in_clear("* OK [CAPABILITY ");
  talker_->send("s STARTTLS\r\n");
  hears_in_clear("s OK ");
  secure_client();
  loop_.until([&] { return client_->handshaken; });
  log_in();
  EXPECT_EQ(handshakes(Side::Client, HandshakeMode::Starttls, false), 1U);
  EXPECT_FALSE(upstream_.has_heard("STARTTLS"));
}

TEST_F(RelayTlsTest, OctetsBehindStarttlsAreNeverExecuted) {
  gateway_.facts.tls = config::ListenerTls::Starttls;
  connect();
  hears_in_clear("* OK [CAPABILITY ");
  talker_->send("s STARTTLS\r\na LOGIN alice secret\r\n");
  loop_.until([&] { return talker_->ended; });
  EXPECT_FALSE(talker_->has_received("s OK"));
  EXPECT_TRUE(upstream_.talkers.empty());
  talker_->close();
  session_ends();
  EXPECT_NE(gateway_.log_.line("session closed").find("reason=starttls_injection"), std::string::npos);
}

TEST_F(RelayTlsTest, APasswordInClearIsAWarningAndGoesNowhere) {
  gateway_.facts.tls = config::ListenerTls::Starttls;
  connect();
  hears_in_clear("* OK [CAPABILITY ");
  talker_->send("a LOGIN alice secret\r\n");
  hears_in_clear("a NO [PRIVACYREQUIRED]");
  EXPECT_NE(gateway_.log_.line("login refused").find("code=privacy_required"), std::string::npos);
  EXPECT_EQ(gateway_.log_.levels.back(), LogLevel::Warning);
  EXPECT_TRUE(upstream_.talkers.empty());
}

TEST_F(RelayTlsTest, WithoutACertificateAnImplicitListenerCloses) {
  gateway_.server_context = nullptr;
  connect();
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(gateway_.closed(CloseReason::Internal), 1U);
}

TEST_F(RelayTlsTest, AHandshakeThatIsHungUpCountsAsEof) {
  connect();
  loop_.until([&] { return talker_->connected; });
  talker_->stream().shutdown();
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(failures(Side::Client, HandshakeFailure::Eof), 1U);
  EXPECT_NE(gateway_.log_.line("session closed").find("reason=client_closed"), std::string::npos);
}

TEST_F(RelayTlsTest, AHandshakeOfRubbishCountsAsOtherAndIsLogged) {
  connect();
  talker_->on_octets = nullptr;
  loop_.until([&] { return talker_->connected; });
  talker_->send("a LOGIN alice secret\r\n");
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(failures(Side::Client, HandshakeFailure::Other), 1U);
  EXPECT_TRUE(gateway_.log_.has("tls handshake failed session=s1 side=client"));
  EXPECT_FALSE(gateway_.log_.has("secret"));
}

TEST_F(RelayTlsTest, AHandshakeThatNeverComesIsATimeout) {
  gateway_.settings->limits.timeouts.handshake = std::chrono::milliseconds(1);
  connect();
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(failures(Side::Client, HandshakeFailure::Timeout), 1U);
  EXPECT_EQ(gateway_.closed(CloseReason::AuthTimeout), 1U);
}

TEST_F(RelayTlsTest, ImplicitTlsToTheUpstream) {
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  connect_securely();
  log_in();
  EXPECT_EQ(handshakes(Side::Upstream, HandshakeMode::Implicit, false), 1U);
  client_->send("b NOOP\r\n");
  hears("b OK done\r\n");
  EXPECT_EQ(far_->engine().facts().sni, "upstream.example");
}

TEST_F(RelayTlsTest, StarttlsToTheUpstream) {
  secure_upstream(config::UpstreamTls::Starttls, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  connect_securely();
  log_in();
  EXPECT_EQ(handshakes(Side::Upstream, HandshakeMode::Starttls, false), 1U);
  client_->send("b LOGOUT\r\n");
  hears("b OK");
  EXPECT_EQ(hears_the_end(), ReadStatus::CloseNotify);
}

TEST_F(RelayTlsTest, AnUpstreamThatCannotBeVerifiedGetsNoCredentials) {
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  config::Upstream strict;
  const auto stranger = tls::testing::make_identity({.common_name = "CA", .authority = true});
  strict.ca = folder_.write("ca.crt", stranger.cert_pem());
  gateway_.upstream.context = *tls::ClientContext::make(strict);
  connect_securely();
  client_->send("a LOGIN alice secret\r\n");
  hears("a NO [UNAVAILABLE]");
  EXPECT_EQ(failures(Side::Upstream, HandshakeFailure::Verify), 1U);
  EXPECT_EQ(gateway_.connects(ConnectResult::Tls), 1U);
  EXPECT_TRUE(gateway_.log_.has("upstream failed session=s1 upstream=mail"));
  EXPECT_TRUE(gateway_.log_.has("reason=certificate"));
  EXPECT_FALSE(upstream_.has_heard("LOGIN"));
}

TEST_F(RelayTlsTest, AnUpstreamThatHangsUpInTheHandshakeIsFollowedByTheNext) {
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  FakeUpstream rude(loop_);
  rude.on_octets = [](Talker& from, Octets) { from.stream().shutdown(); };
  gateway_.upstream.endpoints.insert(gateway_.upstream.endpoints.begin(), rude.endpoint());
  connect_securely();
  log_in();
  EXPECT_EQ(failures(Side::Upstream, HandshakeFailure::Eof), 1U);
  EXPECT_EQ(gateway_.connects(ConnectResult::Tls), 1U);
  EXPECT_EQ(gateway_.connects(ConnectResult::Ok), 1U);
}

TEST_F(RelayTlsTest, ALargeMessageDownToASlowReaderWithTlsOnBothLegs) {
  gateway_.settings->limits.buffer = 128 * 1024;
  for (std::size_t i = 0; i < 16 * 1024 * 1024; ++i)
    upstream_.body += static_cast<char>('a' + i * 2654435761U % 26);
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  connect_securely();
  log_in();
  talker_->read(false);
  client_->send("f FETCH 1 BODY[]\r\n");
  loop_.until([&] { return upstream_.has_heard("f FETCH"); });
  std::uint64_t before = 1;
  while (before != gateway_.cells().side(Side::Upstream).received_bytes.load()) {
    before = gateway_.cells().side(Side::Upstream).received_bytes.load();
    for (int i = 0; i < 50; ++i) loop_.turn();
  }
  EXPECT_LT(before, upstream_.body.size());
  EXPECT_LE(gateway_.buffered(), 128U * 1024 + 3 * 72 * 1024);
  talker_->read(true);
  loop_.until([&] { return client_->received.ends_with("f OK fetched\r\n") || talker_->ended; });
  const std::size_t start = client_->received.find("}\r\n") + 3;
  ASSERT_GE(client_->received.size(), start + upstream_.body.size());
  EXPECT_TRUE(client_->received.compare(start, upstream_.body.size(), upstream_.body) == 0);
  EXPECT_EQ(gateway_.buffered(), 0U);
}

TEST_F(RelayTlsTest, ALargeMessageUpToASlowServerWithTlsOnBothLegs) {
  gateway_.settings->limits.buffer = 128 * 1024;
  std::string body;
  for (std::size_t i = 0; i < 16 * 1024 * 1024; ++i) body += static_cast<char>('a' + i * 2654435761U % 26);
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  connect_securely();
  log_in();
  client_->send("p APPEND INBOX {" + std::to_string(body.size()) + "}\r\n");
  hears("+ ");
  upstream_.last().read(false);
  client_->send(body + "\r\n");
  std::uint64_t before = 1;
  while (before != gateway_.cells().side(Side::Client).received_bytes.load()) {
    before = gateway_.cells().side(Side::Client).received_bytes.load();
    for (int i = 0; i < 50; ++i) loop_.turn();
  }
  EXPECT_LT(before, body.size());
  EXPECT_LE(gateway_.buffered(), 128U * 1024 + 3 * 72 * 1024);
  upstream_.last().read(true);
  hears("p OK [APPENDUID 1 1] stored\r\n");
  EXPECT_TRUE(upstream_.appended == body);
}

TEST_F(RelayTlsTest, ThePrefaceIsSentAheadOfTls) {
  gateway_.upstream.preface = upstream_.preface = "PROXY UNKNOWN\r\n";
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:up.example"}));
  connect_securely();
  log_in();
  EXPECT_EQ(upstream_.prefaces_seen, 1U);
  EXPECT_EQ(handshakes(Side::Upstream, HandshakeMode::Implicit, false), 1U);
}

TEST_F(RelayTlsTest, ThePrefaceIsSentAheadOfStarttls) {
  gateway_.upstream.preface = upstream_.preface = "PROXY UNKNOWN\r\n";
  secure_upstream(config::UpstreamTls::Starttls, tls::testing::make_identity({"up", "DNS:up.example"}));
  connect_securely();
  log_in();
  EXPECT_EQ(upstream_.prefaces_seen, 1U);
  EXPECT_EQ(handshakes(Side::Upstream, HandshakeMode::Starttls, false), 1U);
}

}  // namespace
}  // namespace postern::net
