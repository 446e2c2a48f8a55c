#include "session/login/verdict.h"

#include <gtest/gtest.h>

#include <string>

#include "imap/response_scanner.h"

namespace postern::session {
namespace {

using telemetry::AuthResult;

// What becomes of one response line.
template <typename Use>
auto with_response(const std::string& line, Use use) {
  imap::ResponseScanner scanner;
  const std::string whole = line + "\r\n";
  Octets in = whole;
  EXPECT_EQ(scanner.next(in), imap::ResponseEvent::Head);
  return use(scanner.response());
}

Refusal refusal(const std::string& line) { return with_response(line, refusal_of); }

TEST(Refusal, HasOneTextForEveryRefusalOfCredentials) {
  for (const std::string line :
       {"a NO no such user", "a NO [AUTHENTICATIONFAILED] bad password for x on host7",
        "a NO [referral imap://host7/] there", "a NO", "a NO [] x"})
    EXPECT_EQ(refusal(line).answer, "NO [AUTHENTICATIONFAILED] Authentication failed") << line;
}

TEST(Refusal, KeepsTheCodeAndNotTheText) {
  for (const std::string code : {"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "CORRUPTION", "EXPIRED",
                                 "CONTACTADMIN", "AUTHORIZATIONFAILED", "NOPERM", "CANNOT", "X-NEW"}) {
    const Refusal told = refusal("a NO [" + code + "] said by host7");
    EXPECT_EQ(told.answer.rfind("NO [" + code + "] ", 0), 0U) << told.answer;
    EXPECT_EQ(told.answer.find("host7"), std::string::npos) << told.answer;
  }
  EXPECT_EQ(refusal("a NO [x-new host7] said").answer, "NO [x-new] Authentication failed");
  EXPECT_EQ(refusal("a BAD host7 does not know").answer.find("host7"), std::string::npos);
}

TEST(Refusal, IsNobodysFailureWhereTheUpstreamCannot) {
  for (const std::string code :
       {"UNAVAILABLE", "inuse", "SERVERBUG", "LIMIT", "CORRUPTION", "PRIVACYREQUIRED"})
    EXPECT_EQ(refusal("a NO [" + code + "] x").result, AuthResult::Temporary) << code;
  for (const std::string code : {"EXPIRED", "CONTACTADMIN", "AUTHENTICATIONFAILED", "UNAVAILABLEX"})
    EXPECT_EQ(refusal("a NO [" + code + "] x").result, AuthResult::Failure) << code;
}

TEST(Refusal, PassesTheWordsOfAnAlert) {
  EXPECT_EQ(refusal("a NO [ALERT] Come to room 7").answer, "NO [ALERT] Come to room 7");
}

TEST(WithoutCode, LeavesStatusAndText) {
  EXPECT_EQ(with_response("a1 NO [REFERRAL imap://x/] Not here", without_code), "a1 NO Not here\r\n");
  EXPECT_EQ(with_response("* BYE [REFERRAL imap://x/] Gone", without_code), "* BYE Gone\r\n");
  EXPECT_EQ(with_response("a1 OK [REFERRAL imap://x/]", without_code), "a1 OK (no text)\r\n");
}

}  // namespace
}  // namespace postern::session
