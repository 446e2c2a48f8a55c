#include "session/relaying/parked.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "imap/command_scanner.h"

namespace postern::session {
namespace {

ParkedCommand parked(const std::string& line) {
  imap::CommandScanner scanner({1000, 1000});
  std::string memory = line;
  Octets in = memory;
  EXPECT_EQ(scanner.next(in), imap::CommandEvent::Head);
  ParkedCommand command(scanner.command());
  memory.assign(memory.size(), '#');
  return command;
}

TEST(ParkedCommand, OutlivesWhatTheScannerLent) {
  ParkedCommand command = parked("a1 UID STORE 1:5 +FLAGS (\\Deleted)\r\n");
  EXPECT_EQ(command.command().tag, "a1");
  EXPECT_EQ(command.command().name, "STORE");
  EXPECT_TRUE(command.command().uid);
  EXPECT_EQ(command.command().args, "1:5 +FLAGS (\\Deleted)");
  EXPECT_EQ(command.command().text, "a1 UID STORE 1:5 +FLAGS (\\Deleted)");
  EXPECT_EQ(command.size(), command.command().text.size());
}

TEST(ParkedCommand, MayBeMoved) {
  ParkedCommand first = parked("a1 NOOP\r\n");
  const ParkedCommand second = parked("b2 CHECK\r\n");
  ParkedCommand third = std::move(first);
  EXPECT_EQ(third.command().text, "a1 NOOP");
  EXPECT_EQ(third.command().args, "");
  third = parked("c3 EXPUNGE\r\n");
  EXPECT_EQ(third.command().tag, "c3");
}

TEST(ParkedCommand, KeepsLiteralsAndTheBody) {
  ParkedCommand command = parked("a APPEND {5+}\r\nINBOX (\\Seen) {310}\r\n");
  ASSERT_EQ(command.command().literals.size(), 1U);
  const imap::ArgumentLiteral& literal = command.command().literals.front();
  EXPECT_EQ(command.command().text.substr(literal.octets_at, literal.size), "INBOX");
  ASSERT_TRUE(command.command().body.has_value());
  EXPECT_EQ(command.command().body->size, 310U);
}

}  // namespace
}  // namespace postern::session
