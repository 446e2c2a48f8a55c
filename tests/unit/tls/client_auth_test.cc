// Clients' certificates (tls.client_auth): asked for or required, verified, read, and resumed with a ticket.
#include "tls/client_auth.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <array>

#include "unit/tls/ends.h"

namespace postern::tls::testing {
namespace {

constexpr const char* kUpn = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:";

class ClientAuthTest : public ::testing::TestWithParam<int> {
 protected:
  ClientAuthTest() {
    settings_.certificates.push_back(make_identity({.names = "DNS:a.example"}).in(folder_, "server"));
    trust(authority_);
    settings_.client_auth.mode = config::ClientAuth::Request;
    folder_.write("ticket.keys", std::string(80, 'k'));
    EXPECT_TRUE(load(*keys_, folder_.path("ticket.keys")));
  }

  void trust(const Identity& identity) {
    settings_.client_auth.ca = folder_.write("ca.pem", identity.cert_pem());
  }
  Identity issue(const Wish& wish, std::shared_ptr<EVP_PKEY> key = ec_key()) {
    return make_identity(wish, std::move(key), &authority_);
  }
  std::shared_ptr<const ServerContext> context() { return server_context(settings_, keys_); }

  struct Outcome {
    TlsFacts facts;
    ErrorCode error = ErrorCode::Ok;
    std::string reason;
    std::string alert;
    std::size_t names_told = 0;
    std::shared_ptr<SSL_SESSION> session;
  };
  Outcome connect(const Identity* identity, const std::shared_ptr<SSL_SESSION>& with = nullptr) {
    return connect(context(), identity, with);
  }
  Outcome connect(const std::shared_ptr<const ServerContext>& server, const Identity* identity,
                  const std::shared_ptr<SSL_SESSION>& with = nullptr) {
    RawClient client([&](SSL_CTX* client_side, SSL* ssl) {
      if (ssl == nullptr) {
        SSL_CTX_set_max_proto_version(client_side, GetParam());
        if (identity == nullptr) return;
        SSL_CTX_use_certificate(client_side, identity->cert.get());
        SSL_CTX_use_PrivateKey(client_side, identity->key.get());
        return;
      }
      if (!with) return;
      SSL_SESSION* copy = SSL_SESSION_dup(with.get());
      SSL_set_session(ssl, copy);
      SSL_SESSION_free(copy);
    });
    EngineEnd end(TlsEngine::accept(server));
    shake_hands(client, end);
    Outcome outcome;
    outcome.facts = end.engine().facts();
    outcome.error = end.engine().error();
    outcome.reason = end.engine().reason();
    outcome.alert = client.alert();
    const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(client.ssl());
    outcome.names_told = names == nullptr ? 0 : static_cast<std::size_t>(sk_X509_NAME_num(names));
    if (outcome.error == ErrorCode::Ok) outcome.session = client.session();
    return outcome;
  }
  bool is_tls_1_3() const { return GetParam() == TLS1_3_VERSION; }

  TempFolder folder_;
  Identity authority_ = make_identity({.common_name = "Contractors", .authority = true});
  config::Tls settings_;
  std::shared_ptr<TicketKeys> keys_ = std::make_shared<TicketKeys>();
};

TEST_P(ClientAuthTest, nobody_is_asked_where_it_is_off) {
  settings_.client_auth.mode = config::ClientAuth::Off;
  const Identity alice = issue({.common_name = "alice"});
  const Outcome outcome = connect(&alice);
  EXPECT_TRUE(outcome.facts.secure);
  EXPECT_EQ(outcome.facts.client_cert, nullptr);
  EXPECT_EQ(outcome.names_told, 0U);
}

TEST_P(ClientAuthTest, a_certificate_is_asked_for_by_the_names_of_those_who_may_issue_it) {
  const Outcome outcome = connect(nullptr);
  EXPECT_TRUE(outcome.facts.secure) << outcome.reason;
  EXPECT_EQ(outcome.facts.client_cert, nullptr);
  EXPECT_EQ(outcome.names_told, 1U);
}

TEST_P(ClientAuthTest, a_required_one_that_is_missing_ends_the_handshake) {
  settings_.client_auth.mode = config::ClientAuth::Require;
  const Outcome outcome = connect(nullptr);
  EXPECT_FALSE(outcome.facts.secure);
  EXPECT_EQ(outcome.error, ErrorCode::TlsClientCertificate);
  EXPECT_EQ(outcome.reason, "peer did not return a certificate");
  EXPECT_EQ(outcome.alert, is_tls_1_3() ? "unknown" : "handshake failure");  // 116 has no name in OpenSSL 3.0
}

TEST_P(ClientAuthTest, what_a_certificate_says_is_known) {
  settings_.client_auth.mode = config::ClientAuth::Require;
  const Identity alice =
      issue({.common_name = "Alice Müller",
             .names = "email:alice@a.example,email:a.mueller@a.example,DNS:laptop.example," +
                      std::string(kUpn) + "alice@corp.example",
             .email = "old@a.example",
             .purpose = "clientAuth"});
  const Outcome outcome = connect(&alice);
  ASSERT_NE(outcome.facts.client_cert, nullptr) << outcome.reason;
  const ClientCertificate& cert = *outcome.facts.client_cert;
  EXPECT_EQ(cert.common_name, "Alice Müller");
  EXPECT_EQ(cert.emails,
            (std::vector<std::string>{"alice@a.example", "a.mueller@a.example", "old@a.example"}));
  EXPECT_EQ(cert.upns, std::vector<std::string>{"alice@corp.example"});
  EXPECT_EQ(cert.subject, "emailAddress=old@a.example,CN=Alice M\\C3\\BCller");
  std::array<unsigned char, 32> hash{};
  X509_digest(alice.cert.get(), EVP_sha256(), hash.data(), nullptr);
  std::string digits;
  for (const unsigned char octet : hash) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", octet);
    digits += two.data();
  }
  EXPECT_EQ(cert.sha256, digits);
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(alice.cert.get()), nullptr);
  char* serial = BN_bn2hex(number);
  BN_free(number);
  EXPECT_STRCASEEQ(cert.serial.c_str(), serial);
  OPENSSL_free(serial);
}

TEST_P(ClientAuthTest, names_with_control_characters_are_left_out) {
  const Identity sly = issue({.common_name = std::string("alice\0.example", 14),
                              .names = "email:a\x01@a.example,email:b@a.example"});
  const Outcome outcome = connect(&sly);
  ASSERT_NE(outcome.facts.client_cert, nullptr) << outcome.reason;
  EXPECT_EQ(outcome.facts.client_cert->common_name, "");
  EXPECT_EQ(outcome.facts.client_cert->emails, std::vector<std::string>{"b@a.example"});
}

TEST_P(ClientAuthTest, the_kind_of_a_clients_key_need_not_be_ours) {
  for (const auto& key : {rsa_key(), ed25519_key(), ec_key("P-384")}) {
    const Identity alice = issue({.common_name = "alice"}, key);
    const Outcome outcome = connect(&alice);
    EXPECT_NE(outcome.facts.client_cert, nullptr) << outcome.reason;
  }
}

TEST_P(ClientAuthTest, a_bad_certificate_ends_the_handshake_also_where_it_is_only_requested) {
  const Identity other = make_identity({.common_name = "Others", .authority = true});
  struct Case {
    Identity identity;
    const char* reason;
    const char* alert;
  };
  std::string many;
  for (int i = 0; i < 400; ++i)
    many += (i == 0 ? "DNS:" : ",DNS:") + std::string(20, 'x') + std::to_string(i);
  const Case cases[] = {
      {make_identity({.common_name = "stranger"}, ec_key(), &other), "unable to get local issuer certificate",
       "unknown CA"},
      {make_identity({.common_name = "self"}), "self-signed certificate", "unknown CA"},
      {issue({.common_name = "late", .not_before = -7200, .not_after = -3600}), "certificate has expired",
       "certificate expired"},
      {issue({.common_name = "early", .not_before = 3600, .not_after = 7200}), "certificate is not yet valid",
       "bad certificate"},
      {issue({.common_name = "web", .purpose = "serverAuth"}), "unsuitable certificate purpose",
       "unsupported certificate"},
      {issue({.common_name = "large", .names = many}), "the client's certificate is larger than 8 KiB",
       "handshake failure"},
  };
  for (const auto mode : {config::ClientAuth::Request, config::ClientAuth::Require}) {
    settings_.client_auth.mode = mode;
    for (const Case& one : cases) {
      const Outcome outcome = connect(&one.identity);
      EXPECT_FALSE(outcome.facts.secure) << one.reason;
      EXPECT_EQ(outcome.error, ErrorCode::TlsClientVerify) << one.reason;
      EXPECT_EQ(outcome.reason, one.reason);
      EXPECT_EQ(outcome.alert, one.alert) << one.reason;
    }
  }
}

TEST_P(ClientAuthTest, an_intermediate_in_the_file_is_trusted_without_its_root) {
  const Identity root = make_identity({.common_name = "Root", .authority = true});
  const Identity below = make_identity({.common_name = "Below", .authority = true}, ec_key(), &root);
  trust(below);
  const Identity alice = make_identity({.common_name = "alice"}, ec_key(), &below);
  EXPECT_NE(connect(&alice).facts.client_cert, nullptr);
  const Identity bob = make_identity({.common_name = "bob"}, ec_key(), &root);
  EXPECT_EQ(connect(&bob).error, ErrorCode::TlsClientVerify);
}

TEST_P(ClientAuthTest, a_resumed_session_is_still_its_clients) {
  settings_.client_auth.mode = config::ClientAuth::Require;
  const Identity alice = issue({.common_name = "alice", .names = "email:alice@a.example"});
  const Outcome first = connect(&alice);
  ASSERT_NE(first.session, nullptr) << first.reason;
  const Outcome second = connect(nullptr, first.session);  // another context, and no key at hand
  EXPECT_TRUE(second.facts.resumed) << second.reason;
  ASSERT_NE(second.facts.client_cert, nullptr);
  EXPECT_EQ(second.facts.client_cert->emails, std::vector<std::string>{"alice@a.example"});
  EXPECT_EQ(second.facts.client_cert->sha256, first.facts.client_cert->sha256);
}

TEST_P(ClientAuthTest, a_changed_authority_is_not_resumed_around) {
  settings_.client_auth.mode = config::ClientAuth::Require;
  const Identity alice = issue({.common_name = "alice"});
  const Outcome first = connect(&alice);
  ASSERT_NE(first.session, nullptr) << first.reason;
  trust(make_identity({.common_name = "Contractors", .authority = true}));  // the same name, another key
  EXPECT_EQ(connect(nullptr, first.session).error, ErrorCode::TlsClientCertificate);
  EXPECT_EQ(connect(&alice, first.session).error, ErrorCode::TlsClientVerify);
  trust(authority_);
  EXPECT_TRUE(connect(nullptr, first.session).facts.resumed) << "the ticket itself is good";
}

TEST_P(ClientAuthTest, other_terms_do_not_resume) {
  settings_.client_auth.mode = config::ClientAuth::Off;
  const Outcome off = connect(nullptr);
  settings_.client_auth.mode = config::ClientAuth::Request;
  const Outcome request = connect(nullptr, off.session);
  EXPECT_TRUE(request.facts.secure);
  EXPECT_FALSE(request.facts.resumed);
  ASSERT_NE(request.session, nullptr);
  EXPECT_TRUE(connect(nullptr, request.session).facts.resumed);
  settings_.client_auth.mode = config::ClientAuth::Require;
  EXPECT_EQ(connect(nullptr, request.session).error, ErrorCode::TlsClientCertificate);
}

// The ticket of `session`, which is under the keys of the test's file, opened, changed and sealed again.
template <typename Change>
std::shared_ptr<SSL_SESSION> with_ticket_changed(SSL_SESSION* session, const Change& change) {
  const std::string key(32, 'k');
  const auto* key_octets = reinterpret_cast<const unsigned char*>(key.data());
  const unsigned char* sealed = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session, &sealed, &size);
  std::string ticket(reinterpret_cast<const char*>(sealed), size);
  unsigned char* encoded = nullptr;
  const int encoded_size = i2d_SSL_SESSION(session, &encoded);
  std::string whole(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(encoded_size));
  OPENSSL_free(encoded);
  const std::size_t at = whole.find(ticket);

  constexpr std::size_t kHead = 32;  // name and initialisation vector
  constexpr std::size_t kMac = 32;
  const auto crypt = [&](int encrypt, const std::string& in) {
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key_octets,
                      reinterpret_cast<const unsigned char*>(ticket.data()) + 16, encrypt);
    std::string out(in.size() + 32, '\0');
    int first = 0;
    int last = 0;
    auto* octets = reinterpret_cast<unsigned char*>(out.data());
    EVP_CipherUpdate(cipher, octets, &first, reinterpret_cast<const unsigned char*>(in.data()),
                     static_cast<int>(in.size()));
    EXPECT_EQ(EVP_CipherFinal_ex(cipher, octets + first, &last), 1);
    EVP_CIPHER_CTX_free(cipher);
    out.resize(static_cast<std::size_t>(first + last));
    return out;
  };
  std::string plain = crypt(0, ticket.substr(kHead, size - kHead - kMac));
  change(plain);
  std::string changed = ticket.substr(0, kHead) + crypt(1, plain);
  std::array<unsigned char, kMac> mac{};
  HMAC(EVP_sha256(), key_octets, static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(changed.data()), changed.size(), mac.data(), nullptr);
  changed.append(mac.begin(), mac.end());
  EXPECT_EQ(changed.size(), ticket.size()) << "or the session around it could not be read";
  whole.replace(at, ticket.size(), changed);
  const auto* memory = reinterpret_cast<const unsigned char*>(whole.data());
  return {d2i_SSL_SESSION(nullptr, &memory, static_cast<long>(whole.size())), SSL_SESSION_free};
}

TEST_P(ClientAuthTest, a_certificate_that_has_expired_since_is_not_resumed_with) {
  settings_.client_auth.mode = config::ClientAuth::Require;
  const Identity alice = issue({.common_name = "alice"});
  const Outcome first = connect(&alice);
  ASSERT_NE(first.session, nullptr) << first.reason;
  const auto same = with_ticket_changed(first.session.get(), [](std::string&) {});
  ASSERT_NE(same, nullptr);
  EXPECT_TRUE(connect(nullptr, same).facts.resumed) << "a ticket that the test has sealed is as good as any";
  const ASN1_TIME* end = X509_get0_notAfter(alice.cert.get());
  const std::string time(reinterpret_cast<const char*>(ASN1_STRING_get0_data(end)),
                         static_cast<std::size_t>(ASN1_STRING_length(end)));
  const auto expired = with_ticket_changed(first.session.get(), [&](std::string& plain) {
    const std::size_t at = plain.find(time);
    ASSERT_NE(at, std::string::npos);
    plain.replace(at, time.size(), "200101000000Z");
  });
  ASSERT_NE(expired, nullptr);
  EXPECT_EQ(connect(nullptr, expired).error, ErrorCode::TlsClientCertificate);
  const Outcome anew = connect(&alice, expired);
  EXPECT_FALSE(anew.facts.resumed);
  EXPECT_NE(anew.facts.client_cert, nullptr) << "a full handshake with what is valid now";
}

std::string version_name(const ::testing::TestParamInfo<int>& version) {
  return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}

INSTANTIATE_TEST_SUITE_P(Versions, ClientAuthTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

class ClientCaTest : public ::testing::Test {
 protected:
  ClientCaTest() {
    settings_.certificates.push_back(make_identity({.names = "DNS:a.example"}).in(folder_, "server"));
    settings_.client_auth.mode = config::ClientAuth::Request;
  }
  std::string error_of(const std::string& content) {
    settings_.client_auth.ca = folder_.write("ca.pem", content);
    const auto made = ServerContext::make(settings_, nullptr);
    return made ? "" : made.error().detail;
  }
  TempFolder folder_;
  config::Tls settings_;
};

TEST_F(ClientCaTest, a_file_that_cannot_be_used_is_named) {
  const std::string path = folder_.path("ca.pem");
  const std::string good = make_identity({.authority = true}).cert_pem();
  EXPECT_EQ(error_of(good), "");
  EXPECT_EQ(error_of(good + good), "") << "twice the same is once too often, but no fault";
  EXPECT_EQ(error_of(""), path + " holds no certificate");
  EXPECT_EQ(error_of("nothing of the kind"), path + " holds no certificate");
  EXPECT_TRUE(error_of(good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                  .starts_with(path + " holds a broken certificate"));
  settings_.client_auth.ca = folder_.path("missing.pem");
  EXPECT_NE(ServerContext::make(settings_, nullptr).error().detail.find("missing.pem"), std::string::npos);
  settings_.client_auth.ca = "";
  EXPECT_FALSE(ServerContext::make(settings_, nullptr));
}

// The largest flight that is let through must fit the room that read() asks for.
TEST_F(ClientCaTest, as_many_names_are_told_as_a_flight_carries) {
  std::vector<std::string> authorities;
  const auto key = ec_key();
  for (int i = 100; i < 320; ++i)
    authorities.push_back(
        make_identity({.common_name = std::string(60, 'n') + std::to_string(i), .authority = true}, key)
            .cert_pem());
  const auto error_with = [&](std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += authorities[i];
    return error_of(all);
  };
  std::size_t good = 0;
  std::size_t bad = authorities.size();
  const std::string error = error_with(bad);
  EXPECT_NE(error.find("ca.pem has more certificates than clients can be told of"), std::string::npos)
      << error;
  while (bad - good > 1) {
    const std::size_t middle = (good + bad) / 2;
    (error_with(middle).empty() ? good : bad) = middle;
  }
  ASSERT_GT(good, 100U);
  ASSERT_EQ(error_with(good), "");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawClient client([&](SSL_CTX* client_side, SSL* ssl) {
      if (ssl == nullptr) SSL_CTX_set_max_proto_version(client_side, version);
    });
    EngineEnd server(TlsEngine::accept(server_context(settings_)));
    shake_hands(client, server);
    EXPECT_TRUE(client.handshaken() && server.engine().handshaken()) << server.engine().reason();
  }
}

}  // namespace
}  // namespace postern::tls::testing
