// Loading: what is told of a certificate, and which file is to blame when one cannot be used.
#include "tls/context.h"

#include <gtest/gtest.h>

#include <ctime>

#include "unit/tls/certificates.h"

namespace postern::tls::testing {
namespace {

using ::testing::Test;

class ContextTest : public Test {
 protected:
  std::string error_of(const config::Certificate& certificate) {
    config::Tls settings;
    settings.certificates.push_back(certificate);
    const auto context = ServerContext::make(settings, nullptr);
    const auto inspected = inspect(certificate);
    if (context || inspected) return "none";
    EXPECT_EQ(context.error().detail, inspected.error().detail) << "check says what the start would say";
    EXPECT_EQ(context.error().code, inspected.error().code);
    code_ = context.error().code;
    return context.error().detail;
  }
  static bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  TempFolder folder_;
  ErrorCode code_ = ErrorCode::Ok;
};

TEST_F(ContextTest, a_good_pair_is_described) {
  const config::Certificate certificate =
      make_identity({.common_name = "Mail", .names = "DNS:Mail.Example,DNS:*.dept.example,IP:192.0.2.1"})
          .in(folder_, "good");
  const auto info = inspect(certificate);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->path, certificate.cert);
  EXPECT_EQ(info->subject, "CN=Mail");
  EXPECT_EQ(info->names, (std::vector<std::string>{"mail.example", "*.dept.example"}));
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  EXPECT_NEAR(static_cast<double>(info->not_after_unix - now), 3600.0, 60.0);
  EXPECT_NEAR(static_cast<double>(now - info->not_before_unix), 3600.0, 60.0);

  config::Tls settings;
  settings.certificates.push_back(certificate);
  const auto context = ServerContext::make(settings, nullptr);
  ASSERT_TRUE(context);
  ASSERT_EQ((*context)->certificates().size(), 1U);
  EXPECT_EQ((*context)->certificates()[0].names, info->names);
}

TEST_F(ContextTest, the_common_name_is_a_name_only_where_there_is_no_other) {
  const auto info = inspect(make_identity({.common_name = "Mail.Example"}).in(folder_, "cn"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->names, std::vector<std::string>{"mail.example"});
  const auto person = inspect(make_identity({.common_name = "Jane Doe"}).in(folder_, "person"));
  ASSERT_TRUE(person);
  EXPECT_TRUE(person->names.empty());
}

TEST_F(ContextTest, a_key_of_another_certificate_is_named) {
  config::Certificate certificate = make_identity({}).in(folder_, "one");
  certificate.key = make_identity({}).in(folder_, "two").key;
  const std::string error = error_of(certificate);
  EXPECT_TRUE(contains(error, certificate.key + " does not belong to " + certificate.cert)) << error;
  EXPECT_TRUE(contains(error, "key values mismatch")) << error;
  EXPECT_EQ(code_, ErrorCode::ConfigInvalid);
  certificate.key = folder_.write("rsa.key", Identity{rsa_key(), nullptr}.key_pem());
  EXPECT_TRUE(contains(error_of(certificate), "different key types"));
}

TEST_F(ContextTest, a_file_that_cannot_be_read_is_named) {
  config::Certificate certificate = make_identity({}).in(folder_, "one");
  config::Certificate no_key = certificate;
  no_key.key = folder_.path("absent.key");
  EXPECT_EQ(error_of(no_key), "cannot read " + no_key.key + ": No such file or directory");
  EXPECT_EQ(code_, ErrorCode::FileUnreadable);
  certificate.cert = folder_.path("absent.crt");
  EXPECT_EQ(error_of(certificate), "cannot read " + certificate.cert + ": No such file or directory");
  certificate.cert = folder_.path("");
  EXPECT_TRUE(contains(error_of(certificate), "Is a directory"));
}

TEST_F(ContextTest, a_file_that_holds_something_else_is_named) {
  const Identity identity = make_identity({});
  const config::Certificate good = identity.in(folder_, "good");
  config::Certificate certificate = good;
  certificate.cert = folder_.write("empty.crt", "");
  EXPECT_EQ(error_of(certificate), certificate.cert + " holds no certificate (no start line)");
  certificate.cert = good.key;
  EXPECT_TRUE(contains(error_of(certificate), good.key + " holds no certificate"));
  certificate = good;
  certificate.key = good.cert;
  EXPECT_TRUE(contains(error_of(certificate), good.cert + " holds no private key"));
  certificate.key = folder_.write("cut.key", identity.key_pem().substr(0, 100));
  EXPECT_TRUE(contains(error_of(certificate), certificate.key + " holds no private key"));
  certificate = good;
  certificate.cert = folder_.write("half.crt", identity.cert_pem() + identity.cert_pem().substr(0, 200));
  EXPECT_TRUE(contains(error_of(certificate), certificate.cert + " holds a broken certificate behind"));
  certificate.cert = folder_.write("huge.crt", std::string(2 * 1024 * 1024, 'x'));
  EXPECT_EQ(error_of(certificate), certificate.cert + " is larger than 1 MiB");
}

TEST_F(ContextTest, an_encrypted_key_is_refused_and_nobody_is_asked) {
  const Identity identity = make_identity({});
  config::Certificate certificate = identity.in(folder_, "locked");
  certificate.key = folder_.write("locked.key", identity.encrypted_key_pem("open sesame"));
  const std::string error = error_of(certificate);
  EXPECT_EQ(error, certificate.key + " is encrypted; give a key without a passphrase");
}

TEST_F(ContextTest, a_key_that_the_policy_finds_too_small_is_refused_by_name) {
  const config::Certificate certificate = make_identity({}, rsa_key(1024)).in(folder_, "small");
  EXPECT_EQ(error_of(certificate), certificate.cert + " cannot be used (ee key too small)");
}

TEST_F(ContextTest, a_chain_that_would_not_fit_a_flight_is_refused) {
  const Identity identity = make_identity({});
  config::Certificate certificate = identity.in(folder_, "long");
  std::string chain;
  for (int i = 0; i < 60; ++i) chain += identity.cert_pem();
  certificate.cert = folder_.write("long.crt", chain);
  const std::string error = error_of(certificate);
  EXPECT_TRUE(contains(error, certificate.cert + " holds a chain of ")) << error;
}

TEST_F(ContextTest, one_bad_certificate_among_good_ones_fails_the_whole) {
  config::Tls settings;
  settings.certificates.push_back(make_identity({}).in(folder_, "one"));
  settings.certificates.push_back(make_identity({}).in(folder_, "two"));
  settings.certificates[1].key = settings.certificates[0].key;
  const auto context = ServerContext::make(settings, nullptr);
  ASSERT_FALSE(context);
  EXPECT_TRUE(contains(context.error().detail, settings.certificates[1].cert));
}

TEST_F(ContextTest, lists_that_openssl_does_not_know_are_named_by_their_key) {
  config::Tls good;
  good.certificates.push_back(make_identity({}).in(folder_, "one"));
  const auto error = [](const config::Tls& settings) {
    const auto context = ServerContext::make(settings, nullptr);
    return context ? std::string("none") : context.error().detail;
  };
  EXPECT_EQ(error(good), "none");
  config::Tls settings = good;
  settings.ciphers = "NO-SUCH-CIPHER";
  EXPECT_EQ(error(settings), "tls.ciphers (no cipher match)");
  settings = good;
  settings.ciphersuites = "TLS_NO_SUCH_SUITE";
  EXPECT_TRUE(contains(error(settings), "tls.ciphersuites ("));
  settings = good;
  settings.groups = "P-999";
  EXPECT_EQ(error(settings), "tls.groups (the TLS library knows no group 'P-999')");
  settings.groups = "X25519:NO-SUCH-GROUP:P-256";
  EXPECT_EQ(error(settings), "tls.groups (the TLS library knows no group 'NO-SUCH-GROUP')");
  settings.groups = ":";
  EXPECT_TRUE(contains(error(settings), "tls.groups ("));
  settings = good;
  settings.alpn = {std::string(256, 'a')};
  EXPECT_TRUE(contains(error(settings), "tls.alpn"));
  settings = good;
  settings.certificates.clear();
  EXPECT_EQ(error(settings), "tls.certificates is empty");
}

TEST_F(ContextTest, an_upstreams_files_are_checked_too) {
  config::Upstream settings;
  settings.name = "mail";
  settings.ca = folder_.path("absent.pem");
  auto context = ClientContext::make(settings);
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().detail, "cannot read " + settings.ca + ": No such file or directory");
  settings.ca = folder_.write("rubbish.pem", "no certificate\n");
  context = ClientContext::make(settings);
  ASSERT_FALSE(context);
  EXPECT_TRUE(contains(context.error().detail, settings.ca + " holds no certificate"))
      << context.error().detail;
  settings.ca.clear();
  settings.tls_ciphers = "NO-SUCH-CIPHER";
  context = ClientContext::make(settings);
  ASSERT_FALSE(context);
  EXPECT_TRUE(contains(context.error().detail, "upstream mail: tls_ciphers (")) << context.error().detail;
  settings.tls_ciphers.clear();
  settings.client_cert = make_identity({}).in(folder_, "one").cert;
  settings.client_key = make_identity({}).in(folder_, "two").key;
  context = ClientContext::make(settings);
  ASSERT_FALSE(context);
  EXPECT_TRUE(
      contains(context.error().detail, settings.client_key + " does not belong to " + settings.client_cert));
}

}  // namespace
}  // namespace postern::tls::testing
