#include "imap/sasl.h"

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

using namespace std::string_literals;

TEST(Mechanism, RowsStandByTheirMechanisms) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Mechanism::kCount); ++i) {
    const MechanismRow& row = row_of(static_cast<Mechanism>(i));
    EXPECT_EQ(row.mechanism, static_cast<Mechanism>(i));
    EXPECT_FALSE(row.label.empty());
  }
  EXPECT_EQ(row_of(Mechanism::Login).label, "login_command");
}

TEST(Mechanism, IsFoundInAnyCase) {
  EXPECT_EQ(mechanism_of("plain"), Mechanism::Plain);
  EXPECT_EQ(mechanism_of("LOGIN"), Mechanism::SaslLogin);
  EXPECT_EQ(mechanism_of("Scram-Sha-256"), Mechanism::ScramSha256);
  EXPECT_EQ(mechanism_of("SCRAM-SHA-256-PLUS"), Mechanism::Other);
  EXPECT_EQ(mechanism_of("KERBEROS_V4"), Mechanism::Other);
  EXPECT_EQ(mechanism_of(""), Mechanism::Other);
}

TEST(Mechanism, ChannelBoundOnesEndInPlus) {
  EXPECT_TRUE(is_channel_bound("SCRAM-SHA-1-PLUS"));
  EXPECT_TRUE(is_channel_bound("gs2-krb5-plus"));
  EXPECT_FALSE(is_channel_bound("SCRAM-SHA-1"));
  EXPECT_FALSE(is_channel_bound("-PLUS"));
}

TEST(UserInResponse, Plain) {
  const auto user = [](Octets decoded) { return user_in_response(Mechanism::Plain, decoded); };
  EXPECT_EQ(user("\0smith\0secret"s), "smith");
  EXPECT_EQ(user("boss\0smith\0secret"s), "boss");
  EXPECT_EQ(user("\0\0secret"s), "");
  EXPECT_EQ(user("smith"), "");
  EXPECT_EQ(user("\0smith"s), "");
  EXPECT_EQ(user("\0smith\0sec\0ret"s), "");
  EXPECT_EQ(user(""), "");
}

TEST(UserInResponse, LoginAndExternal) {
  EXPECT_EQ(user_in_response(Mechanism::SaslLogin, "smith"), "smith");
  EXPECT_EQ(user_in_response(Mechanism::SaslLogin, "smi\0th"s), "");
  EXPECT_EQ(user_in_response(Mechanism::External, ""), "");
  EXPECT_EQ(user_in_response(Mechanism::External, "smith"), "smith");
}

TEST(UserInResponse, Scram) {
  const auto user = [](Octets decoded) { return user_in_response(Mechanism::ScramSha256, decoded); };
  EXPECT_EQ(user("n,,n=smith,r=abc"), "smith");
  EXPECT_EQ(user("y,,n=smith,r=abc"), "smith");
  EXPECT_EQ(user("n,a=boss,n=smith,r=abc"), "boss");
  EXPECT_EQ(user("p=tls-exporter,,n=smith,r=abc"), "smith");
  EXPECT_EQ(user("n,,n=a=2Cb=3Dc,r=abc"), "a,b=c");
  EXPECT_EQ(user("n,,n=a=2cb,r=abc"), "");
  EXPECT_EQ(user("n,,n=a=,r=abc"), "");
  EXPECT_EQ(user("n,,n=smith"), "");
  EXPECT_EQ(user("n,,m=x,n=smith,r=abc"), "");
  EXPECT_EQ(user("n,b=x,n=smith,r=abc"), "");
  EXPECT_EQ(user("n,a=,n=smith,r=abc"), "");
  EXPECT_EQ(user("x,,n=smith,r=abc"), "");
  EXPECT_EQ(user("n=smith,r=abc"), "");
  EXPECT_EQ(user(""), "");
}

TEST(UserInResponse, BearerTokens) {
  EXPECT_EQ(user_in_response(Mechanism::Oauthbearer, "n,a=smith@example.org,\1auth=Bearer tok\1\1"),
            "smith@example.org");
  EXPECT_EQ(user_in_response(Mechanism::Oauthbearer, "n,a=a=2Cb,\1host=x\1auth=Bearer tok\1\1"), "a,b");
  EXPECT_EQ(user_in_response(Mechanism::Oauthbearer, "n,,\1auth=Bearer tok\1\1"), "");
  EXPECT_EQ(user_in_response(Mechanism::Oauthbearer, "n,a=smith,auth=Bearer tok"), "");
  EXPECT_EQ(user_in_response(Mechanism::Xoauth2, "user=smith@example.org\1auth=Bearer tok\1\1"),
            "smith@example.org");
  EXPECT_EQ(user_in_response(Mechanism::Xoauth2, "user=smith"), "");
  EXPECT_EQ(user_in_response(Mechanism::Xoauth2, "auth=Bearer tok\1\1"), "");
}

TEST(UserInResponse, HiddenNames) {
  for (const Mechanism mechanism : {Mechanism::Gssapi, Mechanism::Other, Mechanism::Login}) {
    EXPECT_EQ(user_in_response(mechanism, "smith 0123456789abcdef"), "");
    EXPECT_TRUE(mechanism == Mechanism::Login || !row_of(mechanism).shows_user);
    EXPECT_FALSE(row_of(mechanism).names_later);
  }
}

TEST(UserInResponse, Cram) {
  const auto user = [](Octets decoded) { return user_in_response(Mechanism::CramMd5, decoded); };
  for (const Octets name : {"CRAM-MD5", "CRAM-SHA1", "CRAM-SHA256"})
    EXPECT_EQ(user_in_response(mechanism_of(name), "smith 00ff"), "smith");
  EXPECT_EQ(user("smith b913a602c7eda7a495b4e6e7334d3890"), "smith");
  EXPECT_EQ(user("j smith b913a602c7eda7a495b4e6e7334d3890"), "j smith");
  EXPECT_EQ(user("b913a602c7eda7a495b4e6e7334d3890"), "");
  EXPECT_EQ(user("smi\0th b913a602c7eda7a495b4e6e7334d3890"s), "");
  EXPECT_EQ(user(""), "");
}

TEST(UserInResponse, DigestMd5) {
  const auto user = [](Octets decoded) { return user_in_response(Mechanism::DigestMd5, decoded); };
  EXPECT_EQ(user("username=\"smith\",realm=\"x\",nc=00000001"), "smith");
  EXPECT_EQ(user("realm=\"a,username=\\\"boss\\\"\",username=\"smith\""), "smith");
  EXPECT_EQ(user(" , UserName = \"smi\\\\th\" ,\r\n nc=1 , "), "smi\\th");
  EXPECT_EQ(user("username=\"smith\",authzid=\"boss\""), "boss");
  EXPECT_EQ(user("username=\"smith\",authzid=\"\""), "smith");
  EXPECT_EQ(user("username=smith"), "smith");
  EXPECT_EQ(user("username=\"smith"), "");
  EXPECT_EQ(user("username=\"smith\\"), "");
  EXPECT_EQ(user("username=\"smith\"x,nc=1"), "");
  EXPECT_EQ(user("username=\"smith\",nonsense"), "");
  EXPECT_EQ(user("username=\"smi\0th\""s), "");
  EXPECT_EQ(user(""), "");
}

TEST(DigestMd5, AnythingButAuthenticationIsALayer) {
  EXPECT_FALSE(wants_security_layer("username=\"smith\""));
  EXPECT_FALSE(wants_security_layer("username=\"smith\",qop=auth"));
  EXPECT_FALSE(wants_security_layer("username=\"qop=auth-int\",qop=\"AUTH\""));
  EXPECT_TRUE(wants_security_layer("username=\"smith\",qop=auth-int"));
  EXPECT_TRUE(wants_security_layer("QOP = \"auth-conf\",username=\"smith\""));
  EXPECT_TRUE(wants_security_layer("qop=auth,qop=auth-conf"));
  EXPECT_TRUE(wants_security_layer("qop="));
}

TEST(Scram, TheFlagYClaimsThatNoPlusWasSeen) {
  EXPECT_TRUE(claims_no_plus_seen("y,,n=smith,r=abc"));
  EXPECT_TRUE(claims_no_plus_seen("y,a=x,n=smith,r=abc"));
  EXPECT_FALSE(claims_no_plus_seen("n,,n=y,r=y,"));
  EXPECT_FALSE(claims_no_plus_seen("p=tls-unique,,n=smith,r=abc"));
  EXPECT_FALSE(claims_no_plus_seen("yes"));
}

}  // namespace
}  // namespace postern::imap
