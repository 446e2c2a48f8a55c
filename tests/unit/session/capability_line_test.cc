#include "session/capability_line.h"

#include <gtest/gtest.h>

#include <string>

#include "imap/response_scanner.h"

namespace postern::session {
namespace {

// The list in a response, and the response with another one in its place.
std::string with_idle(const std::string& line) {
  imap::ResponseScanner scanner;
  Octets in = line;
  if (scanner.next(in) != imap::ResponseEvent::Head) return "no response";
  if (!listed_capabilities(scanner.response(), scanner.octets())) return "none";
  return with_capabilities(scanner.response(), scanner.octets(), "IMAP4rev1 IDLE");
}

std::string list_in(const std::string& line) {
  imap::ResponseScanner scanner;
  Octets in = line;
  if (scanner.next(in) != imap::ResponseEvent::Head) return "no response";
  const auto list = listed_capabilities(scanner.response(), scanner.octets());
  return list ? std::string(*list) : "none";
}

TEST(CapabilityLine, IsFoundInEveryPlace) {
  EXPECT_EQ(list_in("* CAPABILITY IMAP4rev1 MOVE\r\n"), " IMAP4rev1 MOVE");
  EXPECT_EQ(list_in("* capability IMAP4rev1\n"), " IMAP4rev1");
  EXPECT_EQ(list_in("* OK [CAPABILITY IMAP4rev1 MOVE] ready\r\n"), " IMAP4rev1 MOVE");
  EXPECT_EQ(list_in("a1 NO [Capability IMAP4rev1] no\r\n"), " IMAP4rev1");
  EXPECT_EQ(list_in("* CAPABILITY\r\n"), "");
  EXPECT_EQ(list_in("* OK [CAPABILITY] ready\r\n"), "");
}

TEST(CapabilityLine, IsNotWhatOnlyLooksLikeOne) {
  EXPECT_EQ(list_in("* LIST () \"/\" CAPABILITY\r\n"), "none");
  EXPECT_EQ(list_in("* OK [CAPABILITYX IMAP4rev1] ready\r\n"), "none");
  EXPECT_EQ(list_in("* OK CAPABILITY IMAP4rev1\r\n"), "none");
  EXPECT_EQ(list_in("* 5 CAPABILITY\r\n"), "none");
}

TEST(CapabilityLine, IsReplacedAndTheRestStays) {
  EXPECT_EQ(with_idle("* CAPABILITY IMAP4rev1 MOVE\r\n"), "* CAPABILITY IMAP4rev1 IDLE\r\n");
  EXPECT_EQ(with_idle("* OK [CAPABILITY X Y] ready {5}\r\n"),
            "* OK [CAPABILITY IMAP4rev1 IDLE] ready {5}\r\n");
  EXPECT_EQ(with_idle("a1 OK [CAPABILITY X] in\n"), "a1 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n");
}

}  // namespace
}  // namespace postern::session
