// What is negotiated with clients of all kinds: versions, ciphers, ALPN, SNI and the choice of the
// certificate.
#include <gtest/gtest.h>

#include "crypto/openssl.h"
#include "unit/tls/ends.h"

namespace postern::tls::testing {
namespace {

constexpr ReadStatus kFailed = ReadStatus::Failed;
constexpr ReadStatus kHandshaken = ReadStatus::Handshaken;

// One handshake of a raw client with a server of these settings.
struct Meeting {
  Meeting(const std::shared_ptr<const ServerContext>& context, const RawClient::Setup& setup,
          Delivery delivery = {})
      : client(setup), server(TlsEngine::accept(context), delivery) {
    shake_hands(client, server);
  }
  const TlsFacts& facts() { return server.engine().facts(); }
  ErrorCode error() { return server.engine().error(); }
  const std::string& reason() { return server.engine().reason(); }

  RawClient client;
  EngineEnd server;
};

RawClient::Setup named(const std::string& name, int max_version = 0) {
  return [name, max_version](SSL_CTX* context, SSL* ssl) {
    if (ssl == nullptr)
      SSL_CTX_set_max_proto_version(context, max_version);
    else if (!name.empty())
      SSL_set_tlsext_host_name(ssl, name.c_str());
  };
}

RawClient::Setup offering(const std::string& wire) {
  return [wire](SSL_CTX*, SSL* ssl) {
    if (ssl != nullptr)
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
  };
}

RawClient::Setup with_context(const std::function<void(SSL_CTX*)>& change) {
  return [change](SSL_CTX* context, SSL* ssl) {
    if (ssl == nullptr) change(context);
  };
}

class HandshakeTest : public ::testing::Test {
 protected:
  config::Tls settings(const std::vector<Identity>& identities) {
    config::Tls settings;
    for (const Identity& identity : identities)
      settings.certificates.push_back(identity.in(folder_, "c" + std::to_string(files_++)));
    return settings;
  }
  std::shared_ptr<const ServerContext> plain_server() {
    return server_context(settings({make_identity({.names = "DNS:mail.example"})}));
  }

  TempFolder folder_;
  int files_ = 0;
};

std::shared_ptr<EVP_PKEY> shared_rsa_key() {
  static const std::shared_ptr<EVP_PKEY> key = rsa_key();  // takes a while under the sanitizers
  return key;
}

TEST_F(HandshakeTest, tls_1_2_and_1_3_are_spoken) {
  const auto context = plain_server();
  Meeting old(context, named("", TLS1_2_VERSION));
  EXPECT_EQ(old.server.end(), kHandshaken);
  EXPECT_STREQ(old.facts().version(), "TLSv1.2");
  EXPECT_EQ(SSL_get_extms_support(old.client.ssl()), 1) << "extended master secret";
  Meeting modern(context, {});
  EXPECT_EQ(modern.server.end(), kHandshaken);
  EXPECT_STREQ(modern.facts().version(), "TLSv1.3");
}

TEST_F(HandshakeTest, tls_1_0_and_1_1_are_refused) {
  const auto context = plain_server();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    Meeting meeting(context, with_context([version](SSL_CTX* client) {
                      SSL_CTX_set_security_level(client, 0);
                      SSL_CTX_set_min_proto_version(client, version);
                      SSL_CTX_set_max_proto_version(client, version);
                    }));
    EXPECT_EQ(meeting.server.end(), kFailed);
    EXPECT_EQ(meeting.error(), ErrorCode::TlsVersion);
    EXPECT_EQ(meeting.reason(), "unsupported protocol");
    EXPECT_EQ(meeting.client.alert(), "protocol version");
    EXPECT_FALSE(meeting.facts().secure);
  }
}

TEST_F(HandshakeTest, min_version_1_3_refuses_1_2) {
  config::Tls wanted = settings({make_identity({})});
  wanted.min_version = config::TlsVersion::Tls13;
  const auto context = server_context(wanted);
  Meeting old(context, named("", TLS1_2_VERSION));
  EXPECT_EQ(old.error(), ErrorCode::TlsVersion);
  EXPECT_EQ(Meeting(context, {}).server.end(), kHandshaken);
}

TEST_F(HandshakeTest, ciphers_without_forward_secrecy_or_authentication_are_refused) {
  const auto context = server_context(settings({make_identity({}, shared_rsa_key())}));
  for (const char* cipher : {"AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA",
                             "DHE-RSA-AES128-GCM-SHA256", "AECDH-AES128-SHA", "NULL-SHA256"}) {
    Meeting meeting(context, with_context([cipher](SSL_CTX* client) {
                      SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
                      SSL_CTX_set_security_level(client, 0);
                      ASSERT_EQ(SSL_CTX_set_cipher_list(client, cipher), 1) << cipher;
                    }));
    EXPECT_EQ(meeting.error(), ErrorCode::TlsCipher) << cipher;
    EXPECT_EQ(meeting.reason(), "no shared cipher");
  }
}

TEST_F(HandshakeTest, the_operators_ciphers_replace_the_default) {
  config::Tls wanted = settings({make_identity({}, shared_rsa_key())});
  wanted.ciphers = "DHE-RSA-AES128-GCM-SHA256";
  wanted.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
  wanted.groups = "P-384";
  const auto context = server_context(wanted);
  Meeting old(context, named("", TLS1_2_VERSION));
  EXPECT_EQ(old.facts().cipher, "DHE-RSA-AES128-GCM-SHA256");
  Meeting modern(context, {});
  EXPECT_EQ(modern.facts().cipher, "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(modern.facts().group, "secp384r1");
}

TEST_F(HandshakeTest, a_client_without_a_shared_group_is_refused_as_one_without_a_shared_cipher) {
  const auto context = plain_server();
  Meeting meeting(context, with_context([](SSL_CTX* client) { SSL_CTX_set1_groups_list(client, "P-521"); }));
  EXPECT_EQ(meeting.server.end(), kFailed);
  EXPECT_EQ(meeting.error(), ErrorCode::TlsCipher) << meeting.reason();
}

TEST_F(HandshakeTest, a_hello_retry_request_works) {
  const auto context = plain_server();
  Meeting meeting(context,
                  with_context([](SSL_CTX* client) { SSL_CTX_set1_groups_list(client, "P-521:P-384"); }));
  EXPECT_EQ(meeting.server.end(), kHandshaken);
  EXPECT_EQ(meeting.facts().group, "secp384r1");
}

// What the library says to the hybrid; empty: it knows it. It is asked by the test, not by the code under
// test.
std::string word_on_the_hybrid() {
  const SslContextPtr context(SSL_CTX_new(TLS_method()));
  if (SSL_CTX_set1_groups_list(context.get(), "X25519MLKEM768") == 1) return "";
  return std::string(OpenSSL_version(OPENSSL_VERSION)) + " knows no X25519MLKEM768: " + take_reason();
}

RawClient::Setup with_groups(const char* groups) {
  return with_context([groups](SSL_CTX* client) { ASSERT_EQ(SSL_CTX_set1_groups_list(client, groups), 1); });
}

TEST_F(HandshakeTest, without_groups_the_hybrid_is_first_and_whole_in_any_pieces) {
  if (const std::string word = word_on_the_hybrid(); !word.empty()) GTEST_SKIP() << word;
  const auto context = plain_server();
  EXPECT_EQ(Meeting(context, {}).facts().group, "X25519MLKEM768");
  // Who knows it and has sent the share of another is not sent back for a better one.
  EXPECT_EQ(Meeting(context, with_groups("X25519:X25519MLKEM768")).facts().group, "x25519");
  // A hello with the hybrid's share is larger than a segment.
  for (const std::size_t chunk : {1000UL, 100UL, 1UL})
    EXPECT_EQ(Meeting(context, {}, {.chunk = chunk}).facts().group, "X25519MLKEM768");
}

TEST_F(HandshakeTest, without_groups_who_does_not_know_the_hybrid_is_served_as_ever) {
  const auto context = plain_server();
  for (const auto& [group, name] :
       {std::pair("X25519", "x25519"), {"P-256", "secp256r1"}, {"P-384", "secp384r1"}})
    EXPECT_EQ(Meeting(context, with_groups(group)).facts().group, name);
  EXPECT_EQ(Meeting(context, with_groups("P-384:P-256:X25519")).facts().group, "secp384r1");
}

TEST_F(HandshakeTest, towards_an_upstream_the_hybrid_is_offered_too) {
  if (const std::string word = word_on_the_hybrid(); !word.empty()) GTEST_SKIP() << word;
  EngineEnd client(TlsEngine::connect(trusting_client(), "mail.example"));
  EngineEnd server(TlsEngine::accept(plain_server()));
  shake_hands(client, server);
  EXPECT_EQ(client.engine().facts().group, "X25519MLKEM768");
}

TEST_F(HandshakeTest, renegotiation_is_refused_and_the_session_lives_on) {
  const auto context = plain_server();
  Meeting meeting(context, named("", TLS1_2_VERSION));
  ASSERT_EQ(meeting.server.end(), kHandshaken);
  SSL_renegotiate(meeting.client.ssl());
  SSL_do_handshake(meeting.client.ssl());
  meeting.server.deliver(meeting.client.take_cipher());
  EXPECT_EQ(meeting.server.end(), kHandshaken) << "a warning, not the end (RFC 5246 §7.2.2)";
  meeting.server.send("* OK still here\r\n");
  EXPECT_EQ(meeting.server.engine().error(), ErrorCode::Ok);
  meeting.client.deliver(meeting.server.take_cipher());
  EXPECT_EQ(meeting.client.alert(), "no renegotiation");
}

TEST_F(HandshakeTest, early_data_is_not_offered_and_compression_not_used) {
  const auto context = server_context(settings({make_identity({})}), std::make_shared<TicketKeys>());
  Meeting meeting(context, {});
  ASSERT_NE(meeting.client.session(), nullptr);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(meeting.client.session().get()), 0U);
  EXPECT_EQ(SSL_get_current_compression(meeting.client.ssl()), nullptr);
}

TEST_F(HandshakeTest, alpn_is_selected_where_a_protocol_is_shared) {
  const auto context = plain_server();
  for (const char* offer : {"\x04imap", "\x02h2\x04imap", "\x04imap\x08http/1.1"}) {
    Meeting meeting(context, offering(offer));
    EXPECT_EQ(meeting.server.end(), kHandshaken);
    EXPECT_EQ(meeting.facts().alpn, "imap");
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(meeting.client.ssl(), &chosen, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "imap");
  }
}

TEST_F(HandshakeTest, alpn_without_a_shared_protocol_is_refused) {
  const auto context = plain_server();
  for (const char* offer :
       {"\x02h2", "\x08http/1.1", "\x03ima", "\x05imap4", "\x04IMAP", "\x04smtp\x04pop3"}) {
    Meeting meeting(context, offering(offer));
    EXPECT_EQ(meeting.error(), ErrorCode::TlsAlpn) << offer;
    EXPECT_EQ(meeting.reason(), "no application protocol");
    EXPECT_EQ(meeting.client.alert(), "no application protocol");
  }
}

TEST_F(HandshakeTest, a_client_without_alpn_is_served) {
  const auto context = plain_server();
  Meeting meeting(context, {});
  EXPECT_EQ(meeting.server.end(), kHandshaken);
  EXPECT_EQ(meeting.facts().alpn, "");
}

TEST_F(HandshakeTest, our_preference_among_several_protocols_decides) {
  config::Tls wanted = settings({make_identity({})});
  wanted.alpn = {"imap", "imap-next"};
  Meeting meeting(server_context(wanted), offering("\x09imap-next\x04imap"));
  EXPECT_EQ(meeting.facts().alpn, "imap");
}

TEST_F(HandshakeTest, an_empty_list_switches_alpn_off) {
  config::Tls wanted = settings({make_identity({})});
  wanted.alpn.clear();
  Meeting meeting(server_context(wanted), offering("\x02h2"));
  EXPECT_EQ(meeting.server.end(), kHandshaken);
  EXPECT_EQ(meeting.facts().alpn, "");
}

class NamesTest : public HandshakeTest {
 protected:
  config::Tls several() {
    return settings({make_identity({.common_name = "first", .names = "DNS:mail.example"}),
                     make_identity({.common_name = "exact", .names = "DNS:a.dept.example,DNS:b.example"}),
                     make_identity({.common_name = "wild", .names = "DNS:*.dept.example"}),
                     make_identity({.common_name = "only-cn.example", .names = ""}),
                     make_identity({.common_name = "cn-beside-san.example", .names = "IP:192.0.2.1"})});
  }
};

TEST_F(NamesTest, the_certificate_is_chosen_by_sni) {
  const auto context = server_context(several());
  const std::vector<std::pair<std::string, std::string>> expected{
      {"", "first"},
      {"mail.example", "first"},
      {"MAIL.Example", "first"},
      {"a.dept.example", "exact"},
      {"b.example", "exact"},
      {"c.dept.example", "wild"},
      {"only-cn.example", "only-cn.example"},
      {"dept.example", "first"},
      {"x.c.dept.example", "first"},
      {"cn-beside-san.example", "first"},
      {"elsewhere.example", "first"},
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [name, certificate] : expected) {
      Meeting meeting(context, named(name, version));
      ASSERT_EQ(meeting.server.end(), kHandshaken) << name;
      EXPECT_EQ(meeting.client.peer_common_name(), certificate) << name;
      EXPECT_EQ(meeting.facts().sni, name);
    }
  }
}

TEST_F(NamesTest, strict_sni_refuses_a_name_that_no_certificate_has) {
  config::Tls strict = several();
  strict.strict_sni = true;
  const auto context = server_context(strict);
  for (const char* name :
       {"elsewhere.example", "dept.example", "x.c.dept.example", "mail.example.evil.example"}) {
    Meeting meeting(context, named(name));
    EXPECT_EQ(meeting.server.end(), kFailed) << name;
    EXPECT_EQ(meeting.error(), ErrorCode::TlsSni);
    EXPECT_EQ(meeting.client.alert(), "unrecognized name");
    EXPECT_EQ(meeting.facts().sni, name) << "for the log";
    EXPECT_EQ(meeting.reason().find("example"), std::string::npos) << "no octet of the peer's";
  }
  for (const char* name : {"mail.example", "a.dept.example", "c.dept.example", ""})
    EXPECT_EQ(Meeting(context, named(name)).server.end(), kHandshaken) << name;
}

TEST_F(NamesTest, the_longest_name_is_kept_and_a_hostile_one_changes_nothing) {
  const auto context = server_context(several());
  const std::string longest(255, 'x');
  EXPECT_EQ(Meeting(context, named(longest)).facts().sni, longest);
  const std::string odd = "a\r\nb \"{}\x01.example";
  Meeting meeting(context, named(odd));
  EXPECT_EQ(meeting.server.end(), kHandshaken);
  EXPECT_EQ(meeting.facts().sni, odd);
  EXPECT_EQ(meeting.client.peer_common_name(), "first");
  for (const char* name : {".", ".dept.example", "*.dept.example", "..dept.example"})
    EXPECT_EQ(Meeting(context, named(name)).server.end(), kHandshaken) << name;
}

TEST_F(NamesTest, an_rsa_and_an_ecdsa_certificate_for_one_name_serve_whoever_can_use_them) {
  const auto context = server_context(
      settings({make_identity({.common_name = "rsa", .names = "DNS:mail.example"}, shared_rsa_key()),
                make_identity({.common_name = "other", .names = "DNS:other.example"}),
                make_identity({.common_name = "ecdsa", .names = "DNS:mail.example"})}));
  const auto client_with = [](const char* signatures) {
    return [signatures](SSL_CTX* client, SSL* ssl) {
      if (ssl == nullptr)
        SSL_CTX_set1_sigalgs_list(client, signatures);
      else
        SSL_set_tlsext_host_name(ssl, "mail.example");
    };
  };
  EXPECT_EQ(Meeting(context, client_with("RSA-PSS+SHA256:RSA+SHA256")).client.peer_common_name(), "rsa");
  EXPECT_EQ(Meeting(context, client_with("ECDSA+SHA256")).client.peer_common_name(), "ecdsa");
  Meeting neither(context, client_with("ed25519"));
  EXPECT_EQ(neither.error(), ErrorCode::TlsCipher) << neither.reason();
}

TEST_F(NamesTest, keys_of_every_kind_serve_both_versions) {
  const std::vector<std::shared_ptr<EVP_PKEY>> keys{shared_rsa_key(), ec_key("P-256"), ec_key("P-384"),
                                                    ec_key("P-521"), ed25519_key()};
  for (const auto& key : keys) {
    const auto context = server_context(settings({make_identity({}, key)}));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
      EXPECT_EQ(Meeting(context, named("", version)).server.end(), kHandshaken)
          << EVP_PKEY_get0_type_name(key.get());
  }
}

TEST_F(NamesTest, a_chain_is_sent_as_the_file_has_it) {
  const Identity root = make_identity({.common_name = "root", .authority = true});
  const Identity middle = make_identity({.common_name = "middle", .authority = true}, ec_key(), &root);
  const Identity leaf =
      make_identity({.common_name = "leaf", .names = "DNS:mail.example"}, ec_key(), &middle);
  config::Tls wanted = settings({leaf});
  wanted.certificates[0].cert = folder_.write("chain.crt", leaf.cert_pem() + middle.cert_pem());
  Meeting meeting(server_context(wanted), {});
  EXPECT_EQ(meeting.client.peer_common_name(), "leaf");
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(meeting.client.ssl())), 2);
}

}  // namespace
}  // namespace postern::tls::testing
