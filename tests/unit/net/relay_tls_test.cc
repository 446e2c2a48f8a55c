// The relay with TLS on either leg. Both far ends are engines of ours over plain talkers; what the engine
// does with a hostile peer is tested where the engine lives.
#include "net/relay.h"
#include "tls/engine.h"
#include "unit/net/relay_support.h"
#include "unit/tls/certificates.h"

namespace postern::net {
namespace {

using telemetry::ConnectResult;
using telemetry::HandshakeFailure;
using telemetry::HandshakeMode;
using tls::ReadStatus;
using tls::TlsEngine;

// A talker whose octets go through an engine.
class Secured {
 public:
  Secured(Talker& talker, std::unique_ptr<TlsEngine> engine) : talker_(talker), engine_(std::move(engine)) {
    engine_->start(out_);
    flush();
  }

  void hear(Octets cipher) {
    engine_->feed(cipher);
    pull();
    engine_->keep();
  }
  void end_of_file() {
    engine_->end_of_file();
    pull();
  }
  void send(Octets plain) {
    while (!plain.empty()) {
      const std::size_t taken = engine_->write(plain, out_);
      plain.remove_prefix(taken);
      flush();
      if (taken == 0) return;
    }
  }
  void close_notify() {
    engine_->close_notify(out_);
    flush();
  }
  TlsEngine& engine() { return *engine_; }

  std::string received;
  bool handshaken = false;
  ReadStatus end = ReadStatus::WantInput;
  std::function<void()> on_handshaken;

 private:
  void pull() {
    std::vector<char> plain(64 * 1024);
    for (;;) {
      const tls::ReadResult result = engine_->read(plain.data(), plain.size(), out_);
      flush();
      received.append(plain.data(), result.octets);
      if (result.status == ReadStatus::Octets) continue;
      if (result.status == ReadStatus::Handshaken) {
        handshaken = true;
        if (on_handshaken) on_handshaken();
        continue;
      }
      if (result.status != ReadStatus::WantInput) end = result.status;
      return;
    }
  }
  void flush() {
    if (!out_.empty()) talker_.send(out_.octets());
    out_.clear();
  }

  Talker& talker_;
  std::unique_ptr<TlsEngine> engine_;
  tls::CipherBuffer out_;
};

class RelayTlsTest : public ::testing::Test {
 protected:
  RelayTlsTest() {
    const auto identity = tls::testing::make_identity({"gateway", "DNS:mail.example"});
    config::Tls settings;
    settings.certificates = {identity.in(folder_, "gateway")};
    auto made = tls::ServerContext::make(settings, std::make_shared<tls::TicketKeys>());
    EXPECT_TRUE(made);
    server_context_ = *made;
    gateway_.server_context = server_context_;
    gateway_.facts.tls = config::ListenerTls::Implicit;
    gateway_.upstream.endpoints = {upstream_.endpoint()};
    gateway_.upstream.name = "mail";
  }
  ~RelayTlsTest() override {
    upstream_.on_octets = [](Talker&, Octets) {};  // what it works with ends before the sockets do
    if (!talker_) return;
    talker_->close();
    loop_.until([&] { return talker_->closed(); });
  }

  static std::shared_ptr<const tls::ClientContext> trusting_all() {
    config::Upstream settings;
    settings.verify = config::Verify::None;
    auto made = tls::ClientContext::make(settings);
    EXPECT_TRUE(made);
    return *made;
  }
  void connect() { talker_ = std::make_unique<Talker>(loop_, gateway_.address); }
  void secure_client() {
    loop_.until([&] { return talker_->connected; });
    client_ = std::make_unique<Secured>(*talker_, TlsEngine::connect(trusting_all(), "mail.example"));
    talker_->on_octets = [this](Talker& from) { client_->hear(std::exchange(from.received, {})); };
  }
  void connect_securely() {
    connect();
    secure_client();
    hears("* OK [CAPABILITY ");
  }
  void hears(const std::string& text) {
    loop_.until([&] { return client_->received.find(text) != std::string::npos || talker_->ended; });
    const std::size_t at = client_->received.find(text);
    ASSERT_NE(at, std::string::npos) << "not heard: " << text << "\nbut: " << client_->received;
    client_->received.erase(0, at + text.size());
  }
  void hears_in_clear(const std::string& text) {
    loop_.until([&] { return talker_->has_received(text) || talker_->ended; });
    ASSERT_TRUE(talker_->has_received(text)) << talker_->received;
    talker_->received.clear();
  }
  void log_in() {
    client_->send("a LOGIN alice secret\r\n");
    hears("a OK");
    hears("\r\n");
  }
  ReadStatus hears_the_end() {
    loop_.until([&] { return talker_->ended; });
    client_->end_of_file();
    return client_->end;
  }
  void session_ends() {
    loop_.until([&] { return gateway_.ended_sessions == 1; });
    EXPECT_EQ(gateway_.buffered(), 0U);
    EXPECT_EQ(gateway_.upstream_cells().active.load(), 0U);
  }

  // The upstream speaks TLS with this certificate: from the start, or after STARTTLS.
  void secure_upstream(config::UpstreamTls tls, const tls::testing::Identity& identity) {
    config::Tls settings;
    settings.certificates = {identity.in(folder_, "upstream")};
    upstream_context_ = *tls::ServerContext::make(settings, nullptr);
    gateway_.upstream.tls = tls;
    gateway_.upstream.context = trusting_all();
    const bool implicit = tls == config::UpstreamTls::Implicit;
    upstream_.say = [this](Talker& to, const std::string& text) {
      if (far_) return far_->send(text);
      to.send(text);
      if (text.find("OK begin") != std::string::npos) start_far(to);
    };
    upstream_.on_octets = [this, implicit](Talker& from, Octets octets) {
      if (implicit && !far_) {
        start_far(from);
        far_->on_handshaken = [this] { far_->send(upstream_.greeting); };
      }
      if (!far_) return upstream_.hear(from, octets);
      far_->hear(octets);
      const std::string plain = std::exchange(far_->received, {});
      if (!plain.empty()) upstream_.hear(from, plain);
    };
    if (implicit) return;
    upstream_.greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n";
    upstream_.greets_anyway = true;
  }
  void start_far(Talker& talker) {
    far_ = std::make_unique<Secured>(talker, TlsEngine::accept(upstream_context_));
  }

  std::uint64_t handshakes(Side side, HandshakeMode mode, bool resumed) {
    return gateway_.cells().side(side).handshakes[telemetry::index_of(mode)][3][resumed ? 1 : 0].load();
  }
  std::uint64_t failures(Side side, HandshakeFailure why) {
    return gateway_.cells().side(side).handshake_failures[telemetry::index_of(why)].load();
  }

  tls::testing::TempFolder folder_;
  Loop loop_;
  FakeUpstream upstream_{loop_};
  Gateway gateway_{loop_, config::ListenerTls::Implicit};
  std::shared_ptr<const tls::ServerContext> server_context_;
  std::shared_ptr<const tls::ServerContext> upstream_context_;
  std::unique_ptr<Talker> talker_;
  std::unique_ptr<Secured> client_;
  std::unique_ptr<Secured> far_;
};

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
