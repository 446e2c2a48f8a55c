#include "filters/tls_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::filters {
namespace {

Decision judge(config::ListenerTls listener, bool secure, imap::Verb verb) {
  TlsPolicy policy;
  SessionFacts facts;
  facts.tls = listener;
  TlsFacts tls;
  tls.secure = secure;
  const std::string user;
  imap::Command command;
  command.verb = verb;
  return policy.on_command(command, {facts, tls, user, false});
}

TEST(TlsPolicy, RefusesCredentialsInClearText) {
  for (const imap::Verb verb : {imap::Verb::Login, imap::Verb::Authenticate}) {
    const Decision decision = judge(config::ListenerTls::Starttls, false, verb);
    EXPECT_EQ(decision.ruling, Ruling::Deny);
    EXPECT_EQ(decision.code, ErrorCode::PrivacyRequired);
    EXPECT_EQ(decision.response_code, "PRIVACYREQUIRED");
  }
}

TEST(TlsPolicy, LetsThemPassInsideTls) {
  EXPECT_EQ(judge(config::ListenerTls::Starttls, true, imap::Verb::Login).ruling, Ruling::Pass);
  EXPECT_EQ(judge(config::ListenerTls::Implicit, true, imap::Verb::Authenticate).ruling, Ruling::Pass);
}

TEST(TlsPolicy, LetsThemPassWhereTheOperatorAllowedClearText) {
  EXPECT_EQ(judge(config::ListenerTls::Off, false, imap::Verb::Login).ruling, Ruling::Pass);
}

TEST(TlsPolicy, HasNothingAgainstOtherCommands) {
  for (const imap::Verb verb : {imap::Verb::Capability, imap::Verb::Starttls, imap::Verb::Logout})
    EXPECT_EQ(judge(config::ListenerTls::Starttls, false, verb).ruling, Ruling::Pass);
}

// An implicit listener whose TLS is not there would be a fault of ours: better safe.
TEST(TlsPolicy, TrustsTheFactsOfTheConnectionNotTheListener) {
  EXPECT_EQ(judge(config::ListenerTls::Implicit, false, imap::Verb::Login).ruling, Ruling::Deny);
}

}  // namespace
}  // namespace postern::filters
