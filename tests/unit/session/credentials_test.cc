#include "session/login/credentials.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/base64.h"

namespace postern::session {
namespace {

using imap::Mechanism;

std::shared_ptr<const filters::UserRewrite> lowercase() {
  config::RewriteUser settings;
  settings.lowercase = true;
  std::vector<filters::UserRewrite::Fault> faults;
  return filters::UserRewrite::make(settings, faults);
}

std::string with_nuls(std::string text) {
  for (char& c : text)
    if (c == '|') c = '\0';
  return text;
}

// user, and the response that goes upstream ("as it came"); "none" where nothing may go on.
std::string become(Mechanism mechanism, const std::string& response) {
  const auto named = rewritten_response(*lowercase(), mechanism, with_nuls(response));
  if (!named) return "none";
  if (named->response.empty()) return named->user + ": as it came";
  const auto decoded = decode_base64(named->response.reveal());
  std::string text(decoded->reveal());
  for (char& c : text)
    if (c == '\0') c = '|';
  return named->user + ": " + text;
}

TEST(Credentials, NamesInPlainAreRewrittenAndNothingElse) {
  EXPECT_EQ(become(Mechanism::Plain, "|Alice|PassWord"), "alice: |alice|PassWord");
  EXPECT_EQ(become(Mechanism::Plain, "Bob|Alice|PassWord"), "bob: bob|alice|PassWord");
  EXPECT_EQ(become(Mechanism::Plain, "bob|Alice|"), "bob: bob|alice|");
  EXPECT_EQ(become(Mechanism::Plain, "bob|alice|PassWord"), "bob: as it came");
}

TEST(Credentials, WhatIsNoPlainResponseGoesNowhere) {
  for (const char* response : {"", "alice", "|alice", "a|b|c|d", "||secret", "bob||secret"})
    EXPECT_EQ(become(Mechanism::Plain, response), "none") << response;
}

TEST(Credentials, TheMechanismLoginBeginsWithTheName) {
  EXPECT_EQ(become(Mechanism::SaslLogin, "Alice"), "alice: alice");
  EXPECT_EQ(become(Mechanism::SaslLogin, "alice"), "alice: as it came");
  EXPECT_EQ(become(Mechanism::SaslLogin, ""), "none");
  EXPECT_EQ(become(Mechanism::SaslLogin, "a|b"), "none");
}

TEST(Credentials, FewMechanismsCarryTheNameAlone) {
  for (const Mechanism mechanism : {Mechanism::Plain, Mechanism::SaslLogin, Mechanism::External})
    EXPECT_TRUE(carries_name_alone(mechanism));
  for (const Mechanism mechanism :
       {Mechanism::CramMd5, Mechanism::CramSha1, Mechanism::CramSha256, Mechanism::DigestMd5,
        Mechanism::ScramSha1, Mechanism::ScramSha256, Mechanism::Xoauth2, Mechanism::Oauthbearer,
        Mechanism::Gssapi, Mechanism::Other})
    EXPECT_FALSE(carries_name_alone(mechanism));
}

TEST(Credentials, ASeparatorIsFoundInEveryName) {
  const auto plain = [](const std::string& response) {
    return std::string(encode_base64(with_nuls(response)).reveal());
  };
  EXPECT_TRUE(names_have("*", "a*b", Mechanism::Login, {}));
  EXPECT_FALSE(names_have("*", "ab", Mechanism::Login, {}));
  EXPECT_TRUE(names_have("*", "bob", Mechanism::Plain, plain("bob|a*b|secret")));
  EXPECT_FALSE(names_have("*", "bob", Mechanism::Plain, plain("bob|ab|sec*ret"))) << "a password may have it";
}

TEST(Credentials, ACertificateNamesItsUser) {
  TlsFacts tls;
  EXPECT_EQ(certified_user(tls, config::UserFrom::Email, nullptr), std::nullopt);
  auto certificate = std::make_shared<ClientCertificate>();
  certificate->common_name = "Alice";
  tls.client_cert = certificate;
  EXPECT_EQ(certified_user(tls, config::UserFrom::CommonName, nullptr), "Alice");
  EXPECT_EQ(certified_user(tls, config::UserFrom::CommonName, lowercase().get()), "alice");
  EXPECT_EQ(certified_user(tls, config::UserFrom::Email, nullptr), std::nullopt);
  EXPECT_EQ(certified_user(tls, config::UserFrom::Upn, nullptr), std::nullopt);
  EXPECT_EQ(certified_user(tls, config::UserFrom::Nothing, nullptr), std::nullopt);
  certificate->emails = {"first@a.example", "second@a.example"};
  certificate->upns = {"upn@a.example", "other@a.example"};
  EXPECT_EQ(certified_user(tls, config::UserFrom::Email, nullptr), "first@a.example");
  EXPECT_EQ(certified_user(tls, config::UserFrom::Upn, nullptr), "upn@a.example");
}

}  // namespace
}  // namespace postern::session
