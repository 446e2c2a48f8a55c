// The client side: which servers are believed, and what is said of those that are not.
#include <gtest/gtest.h>

#include "unit/tls/ends.h"

namespace postern::tls::testing {
namespace {

class VerificationTest : public ::testing::Test {
 protected:
  VerificationTest() : root_(make_identity({.common_name = "root", .authority = true})) {
    ca_ = folder_.write("ca.pem", root_.cert_pem());
  }

  Identity leaf(Wish wish) { return make_identity(wish, ec_key(), &root_); }
  Identity leaf(const std::string& names) { return leaf(Wish{.common_name = "leaf", .names = names}); }

  config::Upstream upstream(config::Verify verify = config::Verify::Full) {
    config::Upstream settings;
    settings.name = "mail";
    settings.verify = verify;
    settings.ca = ca_;
    return settings;
  }

  struct Outcome {
    ReadStatus end;
    ErrorCode error;
    std::string reason;
    ErrorCode server_error;
    bool operator==(const char* expected) const {
      return end == ReadStatus::Failed && error == ErrorCode::UpstreamCertificate && reason == expected;
    }
    bool accepted() const { return end == ReadStatus::Handshaken; }
    friend void PrintTo(const Outcome& outcome, std::ostream* out) {
      *out << static_cast<int>(outcome.end) << " " << label_of(outcome.error) << ": " << outcome.reason;
    }
  };
  Outcome connect(const Identity& server_identity, const config::Upstream& settings,
                  const std::string& name) {
    config::Tls tls;
    tls.certificates.push_back(server_identity.in(folder_, "server"));
    EngineEnd server(TlsEngine::accept(server_context(tls)));
    EngineEnd client(TlsEngine::connect(client_context(settings), name));
    shake_hands(client, server);
    return {client.end(), client.engine().error(), client.engine().reason(), server.engine().error()};
  }

  TempFolder folder_;
  Identity root_;
  std::string ca_;
};

TEST_F(VerificationTest, full_accepts_a_known_issuer_and_the_right_name) {
  EXPECT_TRUE(connect(leaf("DNS:mail.example"), upstream(), "mail.example").accepted());
  EXPECT_TRUE(connect(leaf("DNS:mail.example"), upstream(), "MAIL.example").accepted());
  EXPECT_TRUE(connect(leaf("DNS:mail.example"), upstream(), "mail.example.").accepted());
  EXPECT_TRUE(connect(leaf("DNS:*.example.org"), upstream(), "mail.example.org").accepted());
  EXPECT_TRUE(connect(leaf("IP:192.0.2.7"), upstream(), "192.0.2.7").accepted());
  EXPECT_TRUE(connect(leaf("IP:2001:db8::1"), upstream(), "2001:db8:0::1").accepted());
}

TEST_F(VerificationTest, full_refuses_another_name) {
  EXPECT_EQ(connect(leaf("DNS:mail.example"), upstream(), "imap.example"), "hostname mismatch");
  EXPECT_EQ(connect(leaf("DNS:*.example.org"), upstream(), "a.b.example.org"), "hostname mismatch");
  EXPECT_EQ(connect(leaf("DNS:*.example.org"), upstream(), "example.org"), "hostname mismatch");
  EXPECT_EQ(connect(leaf("DNS:mail*.example.org"), upstream(), "mail1.example.org"), "hostname mismatch");
  EXPECT_EQ(connect(leaf("DNS:192.0.2.7"), upstream(), "192.0.2.7"), "IP address mismatch");
  EXPECT_EQ(connect(leaf("IP:192.0.2.8"), upstream(), "192.0.2.7"), "IP address mismatch");
}

TEST_F(VerificationTest, the_common_name_counts_for_nothing) {
  EXPECT_EQ(connect(leaf(Wish{.common_name = "mail.example"}), upstream(), "mail.example"),
            "hostname mismatch");
}

TEST_F(VerificationTest, full_without_a_name_fails_rather_than_verify_nothing) {
  EXPECT_EQ(connect(leaf("DNS:mail.example"), upstream(), ""), "no server name to verify");
  EXPECT_EQ(connect(leaf("DNS:mail.example"), upstream(), "."), "no server name to verify");
}

TEST_F(VerificationTest, a_name_that_is_too_long_fails) {
  const Outcome outcome = connect(leaf("DNS:mail.example"), upstream(), std::string(256, 'a'));
  EXPECT_EQ(outcome.end, ReadStatus::Failed);
  EXPECT_EQ(outcome.error, ErrorCode::UpstreamCertificate) << outcome.reason;
}

TEST_F(VerificationTest, full_refuses_what_is_self_signed_unknown_or_out_of_date) {
  const Identity self_signed = make_identity({.names = "DNS:mail.example"});
  EXPECT_EQ(connect(self_signed, upstream(), "mail.example"), "self-signed certificate");
  const Identity stranger = make_identity({.common_name = "stranger", .authority = true});
  const Identity unknown = make_identity({.names = "DNS:mail.example"}, ec_key(), &stranger);
  EXPECT_EQ(connect(unknown, upstream(), "mail.example"), "unable to get local issuer certificate");
  EXPECT_EQ(connect(leaf(Wish{.names = "DNS:mail.example", .not_before = -7200, .not_after = -60}),
                    upstream(), "mail.example"),
            "certificate has expired");
  EXPECT_EQ(connect(leaf(Wish{.names = "DNS:mail.example", .not_before = 3600, .not_after = 7200}),
                    upstream(), "mail.example"),
            "certificate is not yet valid");
}

TEST_F(VerificationTest, the_server_learns_of_a_refusal_by_an_alert) {
  const Outcome outcome = connect(leaf("DNS:mail.example"), upstream(), "imap.example");
  EXPECT_EQ(outcome.server_error, ErrorCode::TlsOther);
}

TEST_F(VerificationTest, a_self_signed_certificate_may_be_its_own_authority) {
  const Identity self_signed = make_identity({.names = "DNS:mail.example"});
  config::Upstream settings = upstream();
  settings.ca = folder_.write("own.pem", self_signed.cert_pem());
  EXPECT_TRUE(connect(self_signed, settings, "mail.example").accepted());
  EXPECT_EQ(connect(self_signed, settings, "imap.example"), "hostname mismatch");
  const Identity issued = leaf("DNS:mail.example");
  settings.ca = folder_.write("leaf.pem", issued.cert_pem());
  EXPECT_TRUE(connect(issued, settings, "mail.example").accepted()) << "what the file names is trusted";
}

TEST_F(VerificationTest, the_systems_store_does_not_know_ours) {
  config::Upstream settings = upstream();
  settings.ca.clear();
  EXPECT_EQ(connect(leaf("DNS:mail.example"), settings, "mail.example").error,
            ErrorCode::UpstreamCertificate);
}

TEST_F(VerificationTest, ca_looks_at_the_chain_alone) {
  const config::Upstream settings = upstream(config::Verify::Ca);
  EXPECT_TRUE(connect(leaf("DNS:mail.example"), settings, "imap.example").accepted());
  EXPECT_TRUE(connect(leaf("DNS:mail.example"), settings, "").accepted());
  EXPECT_EQ(connect(make_identity({.names = "DNS:mail.example"}), settings, "mail.example"),
            "self-signed certificate");
}

TEST_F(VerificationTest, none_accepts_everything) {
  const Identity expired = make_identity({.not_before = -7200, .not_after = -60});
  EXPECT_TRUE(connect(expired, upstream(config::Verify::None), "imap.example").accepted());
}

TEST_F(VerificationTest, pin_looks_at_the_key_alone) {
  const Identity right = make_identity({.not_before = -7200, .not_after = -60});
  const Identity wrong = make_identity({});
  config::Upstream settings = upstream(config::Verify::Pin);
  EXPECT_EQ(connect(right, settings, "imap.example"), "the server's key matches no pin") << "no pin at all";
  settings.pin_sha256 = {wrong.pin()};
  EXPECT_EQ(connect(right, settings, "imap.example"), "the server's key matches no pin");
  settings.pin_sha256 = {wrong.pin(), right.pin()};
  EXPECT_TRUE(connect(right, settings, "imap.example").accepted());
  const Identity renewed = make_identity({}, right.key);
  EXPECT_TRUE(connect(renewed, settings, "imap.example").accepted()) << "another certificate, the same key";
}

TEST_F(VerificationTest, the_name_is_sent_as_sni_and_an_address_is_not) {
  config::Tls tls;
  tls.certificates.push_back(leaf("DNS:mail.example").in(folder_, "server"));
  const auto server = server_context(tls);
  for (const auto& [name, sni] :
       {std::pair{"mail.example", "mail.example"}, std::pair{"mail.example.", "mail.example"},
        std::pair{"192.0.2.1", ""}, std::pair{"::1", ""}, std::pair{"", ""}}) {
    EngineEnd end(TlsEngine::accept(server));
    EngineEnd client(TlsEngine::connect(trusting_client(), name));
    shake_hands(client, end);
    ASSERT_EQ(end.end(), ReadStatus::Handshaken);
    EXPECT_EQ(end.engine().facts().sni, sni);
  }
}

// A server as old as those that Postern stands in front of.
class OldServer {
 public:
  OldServer(const Identity& identity, int version) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_use_certificate(context_, identity.cert.get());
    SSL_CTX_use_PrivateKey(context_, identity.key.get());
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
  }
  ~OldServer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  OldServer(const OldServer&) = delete;
  OldServer& operator=(const OldServer&) = delete;

  void deliver(const std::string& cipher) {
    BIO_write(SSL_get_rbio(ssl_), cipher.data(), static_cast<int>(cipher.size()));
    SSL_do_handshake(ssl_);
  }
  std::string take_cipher() {
    std::string cipher(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
    if (!cipher.empty()) BIO_read(SSL_get_wbio(ssl_), cipher.data(), static_cast<int>(cipher.size()));
    return cipher;
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

TEST_F(VerificationTest, an_old_version_is_spoken_only_where_it_is_asked_for) {
  const Identity identity = leaf("DNS:mail.example");
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    for (const char* ciphers : {"", "DEFAULT@SECLEVEL=0"}) {
      OldServer server(identity, version);
      config::Upstream settings = upstream();
      settings.tls_min_version = config::TlsVersion::Tls10;
      settings.tls_ciphers = ciphers;
      EngineEnd client(TlsEngine::connect(client_context(settings), "mail.example"));
      client.start();
      converse(client, server);
      ASSERT_EQ(client.end(), ReadStatus::Handshaken) << client.engine().reason();
      EXPECT_EQ(client.engine().facts().minor, version - TLS1_VERSION);
      client.send(std::string(40000, 'x'));
      EXPECT_GT(client.take_cipher().size(), 40000U);
    }
    OldServer server(identity, version);
    EngineEnd client(TlsEngine::connect(client_context(upstream()), "mail.example"));
    client.start();
    converse(client, server);
    EXPECT_EQ(client.end(), ReadStatus::Failed);
    EXPECT_EQ(client.engine().error(), ErrorCode::UpstreamTls);
    EXPECT_FALSE(client.engine().reason().empty());
  }
}

TEST_F(VerificationTest, a_server_that_speaks_no_tls_fails_as_such) {
  EngineEnd client(TlsEngine::connect(client_context(upstream()), "mail.example"));
  client.start();
  client.deliver("* OK IMAP4 ready\r\n");
  EXPECT_EQ(client.end(), ReadStatus::Failed);
  EXPECT_EQ(client.engine().error(), ErrorCode::UpstreamTls);
  EXPECT_EQ(client.engine().reason(), "wrong version number");
}

TEST_F(VerificationTest, a_client_certificate_is_shown_where_one_is_configured) {
  config::Upstream settings = upstream();
  const config::Certificate own = make_identity({.common_name = "postern"}).in(folder_, "own");
  settings.client_cert = own.cert;
  settings.client_key = own.key;
  const Identity identity = leaf("DNS:mail.example");
  SSL_CTX* server_side = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(server_side, identity.cert.get());
  SSL_CTX_use_PrivateKey(server_side, identity.key.get());
  SSL_CTX_set_verify(server_side, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     [](int, X509_STORE_CTX*) { return 1; });
  SSL* server = SSL_new(server_side);
  SSL_set_bio(server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(server);
  EngineEnd client(TlsEngine::connect(client_context(settings), "mail.example"));
  client.start();
  for (int flight = 0; flight < 4; ++flight) {
    const std::string up = client.take_cipher();
    BIO_write(SSL_get_rbio(server), up.data(), static_cast<int>(up.size()));
    SSL_do_handshake(server);
    std::string down(BIO_ctrl_pending(SSL_get_wbio(server)), '\0');
    BIO_read(SSL_get_wbio(server), down.data(), static_cast<int>(down.size()));
    client.deliver(down);
  }
  EXPECT_EQ(SSL_is_init_finished(server), 1);
  std::array<char, 64> name{};
  if (const X509* shown = SSL_get0_peer_certificate(server); shown != nullptr)
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name.data(), name.size());
  EXPECT_STREQ(name.data(), "postern");
  SSL_free(server);
  SSL_CTX_free(server_side);
}

}  // namespace
}  // namespace postern::tls::testing
