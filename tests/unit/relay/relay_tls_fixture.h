// The relay with TLS on either leg: both far ends are engines of ours over plain talkers.
#pragma once

#include "relay/relay.h"
#include "tls/engine.h"
#include "unit/relay/relay_support.h"
#include "unit/tls/certificates.h"

namespace postern::net {

// A talker whose octets go through an engine.
class Secured {
 public:
  Secured(Talker& talker, std::unique_ptr<tls::TlsEngine> engine)
      : talker_(talker), engine_(std::move(engine)) {
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
  tls::TlsEngine& engine() { return *engine_; }

  std::string received;
  bool handshaken = false;
  ReadStatus end = ReadStatus::WantInput;
  std::function<void()> on_handshaken;

 private:
  void pull() {
    std::vector<char> plain(64 * 1024);
    for (;;) {
      const ReadResult result = engine_->read(plain.data(), plain.size(), out_);
      flush();
      received.append(plain.data(), result.octets);
      if (result.status == ReadStatus::Plain) continue;
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
  std::unique_ptr<tls::TlsEngine> engine_;
  CipherBuffer out_;
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
    client_ = std::make_unique<Secured>(*talker_, tls::TlsEngine::connect(trusting_all(), "mail.example"));
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
    far_ = std::make_unique<Secured>(talker, tls::TlsEngine::accept(upstream_context_));
  }

  std::uint64_t handshakes(Side side, telemetry::HandshakeMode mode, bool resumed) {
    return gateway_.cells().side(side).handshakes[telemetry::index_of(mode)][3][resumed ? 1 : 0].load();
  }
  std::uint64_t failures(Side side, telemetry::HandshakeFailure why) {
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

}  // namespace postern::net
