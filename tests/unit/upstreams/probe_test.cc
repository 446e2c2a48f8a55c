#include "upstreams/probe.h"

#include <gtest/gtest.h>

#include <optional>

#include "net/connector.h"
#include "unit/tls/certificates.h"
#include "unit/upstreams/upstream_double.h"

namespace postern::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

class ProbeTest : public ::testing::Test {
 protected:
  ProbeTarget target(const sockaddr_storage& address) const {
    ProbeTarget target;
    target.endpoint.address = address;
    target.endpoint.server_name = "mail.example";
    target.timeout = minutes(5);
    target.tag_stem = "p1";
    return target;
  }
  void start(ProbeTarget target) {
    Probe::start(loop.get(), std::move(target), [this](const ProbeReport& said) {
      EXPECT_FALSE(report) << "reported twice";
      report = said;
    });
    EXPECT_FALSE(report) << "reported from within start()";
  }
  const ProbeReport& run(ProbeTarget target) {
    start(std::move(target));
    loop.until([this] { return report.has_value(); });
    return *report;
  }

  net::Loop loop;
  std::optional<ProbeReport> report;
};

TEST_F(ProbeTest, LearnsTheCapabilitiesAndTakesLeave) {
  UpstreamDouble upstream(loop);
  const ProbeReport& said = run(target(upstream.address));
  EXPECT_EQ(said.code, ErrorCode::Ok);
  EXPECT_EQ(said.capabilities, (imap::CapabilityList{"IMAP4rev1", "AUTH=PLAIN"}));
  loop.until([&] { return upstream.heard(" LOGOUT\r\n"); });
  EXPECT_FALSE(upstream.heard("LOGIN"));
}

TEST_F(ProbeTest, TakesTheCapabilitiesOfTheGreeting) {
  UpstreamDouble upstream(loop);
  upstream.greeting = "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n";
  EXPECT_EQ(run(target(upstream.address)).capabilities, (imap::CapabilityList{"IMAP4rev1", "IDLE"}));
}

TEST_F(ProbeTest, SendsItsPrefaceAheadOfEverything) {
  UpstreamDouble upstream(loop);
  ProbeTarget wanted = target(upstream.address);
  wanted.preface = "PROXY UNKNOWN\r\n";
  EXPECT_EQ(run(std::move(wanted)).code, ErrorCode::Ok);
  EXPECT_TRUE(upstream.heard("PROXY UNKNOWN\r\np1"));
}

TEST_F(ProbeTest, TellsARefusal) {
  const net::Socket deaf = net::loopback_socket();  // bound, and does not listen
  EXPECT_EQ(run(target(net::address_of(deaf))).code, ErrorCode::UpstreamRefused);
  EXPECT_EQ(report->state, "sent nothing, received nothing");
}

TEST_F(ProbeTest, TellsASilentServer) {
  UpstreamDouble upstream(loop);
  upstream.greeting = "";
  ProbeTarget impatient = target(upstream.address);
  impatient.timeout = milliseconds(1);
  const ErrorCode code = run(std::move(impatient)).code;
  EXPECT_EQ(net::result_of(code), telemetry::ConnectResult::Timeout);
}

TEST_F(ProbeTest, RefusesWhatALoginWouldRefuse) {
  const std::pair<const char*, ErrorCode> greetings[] = {
      {"* PREAUTH hello\r\n", ErrorCode::UpstreamPreauth},
      {"* BYE busy\r\n", ErrorCode::UpstreamBye},
      {"220 smtp.example ESMTP\r\n", ErrorCode::UpstreamGreeting},
  };
  for (const auto& [greeting, code] : greetings) {
    report.reset();
    UpstreamDouble upstream(loop);
    upstream.greeting = greeting;
    EXPECT_EQ(run(target(upstream.address)).code, code) << greeting;
    EXPECT_TRUE(report->capabilities.empty());
  }
}

TEST_F(ProbeTest, FailsWhereStarttlsIsMissing) {
  UpstreamDouble upstream(loop);
  ProbeTarget wanted = target(upstream.address);
  wanted.tls = config::UpstreamTls::Starttls;
  EXPECT_EQ(run(std::move(wanted)).code, ErrorCode::UpstreamStarttls);
  EXPECT_EQ(report->state, "sent capability, received capability");
}

TEST_F(ProbeTest, FailsWhereTheServerSpeaksNoTls) {
  UpstreamDouble upstream(loop);
  config::Upstream settings;
  settings.tls = config::UpstreamTls::Implicit;
  settings.verify = config::Verify::None;
  ProbeTarget wanted = target(upstream.address);
  wanted.tls = config::UpstreamTls::Implicit;
  wanted.context = *tls::ClientContext::make(settings);
  EXPECT_EQ(run(std::move(wanted)).code, ErrorCode::UpstreamTls);
  EXPECT_NE(report->detail, "");
}

TEST_F(ProbeTest, SaysNothingMoreOnceItIsCancelled) {
  UpstreamDouble upstream(loop);
  Probe* const probe = Probe::start(loop.get(), target(upstream.address),
                                    [](const ProbeReport&) { FAIL() << "it was cancelled"; });
  loop.until([&] { return upstream.connections() == 1; });
  probe->cancel();
  loop.turn();
}

// The server's end of a TLS connection, as far as a probe needs it.
class TlsUpstream {
 public:
  TlsUpstream(net::Loop& loop, std::shared_ptr<const tls::ServerContext> context, net::Socket client)
      : engine_(tls::TlsEngine::accept(std::move(context))), talker_(loop, std::move(client)) {
    talker_.on_octets = [this](net::Talker&) { drive(); };
  }
  bool heard(const std::string& text) const { return plain_.find(text) != std::string::npos; }
  net::Talker& talker() { return talker_; }

 private:
  void drive() {
    engine_->feed(talker_.received);
    char plain[1024];
    while (engine_->has_input()) {
      const ReadResult result = engine_->read(plain, sizeof plain, cipher_);
      flush();
      if (result.status == ReadStatus::Handshaken)
        say("* OK [CAPABILITY IMAP4rev1 IDLE] inside\r\n");
      else if (result.status == ReadStatus::Plain)
        plain_.append(plain, result.octets);
      else
        break;
    }
    engine_->keep();
    talker_.received.clear();
  }
  void say(Octets text) {
    engine_->write(text, cipher_);
    flush();
  }
  void flush() {
    talker_.send(cipher_.octets());
    cipher_.clear();
  }

  std::unique_ptr<tls::TlsEngine> engine_;
  CipherBuffer cipher_;
  std::string plain_;
  net::Talker talker_;
};

class TlsProbeTest : public ProbeTest {
 protected:
  TlsProbeTest() : identity(tls::testing::make_identity({.names = "DNS:mail.example", .authority = true})) {
    server.certificates = {identity.in(folder, "server")};
    settings.tls = config::UpstreamTls::Implicit;
    settings.ca = server.certificates[0].cert;
    socket = net::listening_socket();
  }
  // Connects the probe to the TLS server and runs until it has reported.
  void probe() {
    ProbeTarget wanted = target(net::address_of(socket));
    wanted.tls = config::UpstreamTls::Implicit;
    wanted.context = *tls::ClientContext::make(settings);
    start(std::move(wanted));
    net::Socket client;
    loop.until([&] {
      client = net::Socket(::accept4(socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      return client.valid();
    });
    upstream.emplace(loop, *tls::ServerContext::make(server, nullptr), std::move(client));
    loop.until([this] { return report.has_value(); });
  }
  void TearDown() override {
    upstream->talker().close();
    loop.until([this] { return upstream->talker().closed(); });
  }

  tls::testing::TempFolder folder;
  tls::testing::Identity identity;
  config::Tls server;
  config::Upstream settings;
  net::Socket socket;
  std::optional<TlsUpstream> upstream;
};

TEST_F(TlsProbeTest, GoesThroughTls) {
  probe();
  EXPECT_EQ(report->code, ErrorCode::Ok) << report->detail;
  EXPECT_EQ(report->capabilities, (imap::CapabilityList{"IMAP4rev1", "IDLE"}));
  loop.until([this] { return upstream->heard("LOGOUT\r\n"); });
}

TEST_F(TlsProbeTest, RefusesACertificateOfAnotherAuthority) {
  settings.ca =
      tls::testing::make_identity({.names = "DNS:mail.example", .authority = true}).in(folder, "ca").cert;
  probe();
  EXPECT_EQ(report->code, ErrorCode::UpstreamCertificate);
  EXPECT_EQ(net::result_of(report->code), telemetry::ConnectResult::Tls);
  EXPECT_NE(report->detail, "");
}

}  // namespace
}  // namespace postern::server
