#include "session/login/capability_line.h"

#include <gtest/gtest.h>

#include <string>

#include "imap/response_scanner.h"

namespace postern::session {
namespace {

// The list in a response, and the response as a client of a gateway that hides MOVE reads it.
std::string without_move(const std::string& line) {
  imap::ResponseScanner scanner;
  Octets in = line;
  if (scanner.next(in) != imap::ResponseEvent::Head) return "no response";
  config::Settings settings;
  settings.rewrite.hide_capabilities = {"MOVE"};
  return with_edited_list(settings, scanner.response(), scanner.octets()).value_or("none");
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
  EXPECT_EQ(without_move("* CAPABILITY IMAP4rev1 IDLE MOVE\r\n"),
            "* CAPABILITY IMAP4rev1 IDLE ID LITERAL+\r\n");
  EXPECT_EQ(without_move("* OK [CAPABILITY IMAP4rev1 X MOVE] ready {5}\r\n"),
            "* OK [CAPABILITY IMAP4rev1 ID LITERAL+] ready {5}\r\n");
  EXPECT_EQ(without_move("a1 OK [CAPABILITY IMAP4rev1 IDLE] in\n"),
            "a1 OK [CAPABILITY IMAP4rev1 IDLE ID LITERAL+] in\r\n");
  EXPECT_EQ(without_move("* OK ready\r\n"), "none");
}

}  // namespace
}  // namespace postern::session
