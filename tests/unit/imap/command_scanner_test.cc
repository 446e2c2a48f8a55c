#include "imap/command_scanner.h"

#include <gtest/gtest.h>

#include "unit/imap/scan.h"

namespace postern::imap::testing {
namespace {

struct Case {
  std::string client;
  Events events;
};

void check(const std::vector<Case>& cases, const CommandRun& run = {}) {
  for (const Case& c : cases) {
    SCOPED_TRACE(shown(c.client));
    EXPECT_EQ(scan_commands_every_way(c.client, run), c.events);
  }
}

using namespace std::string_literals;

TEST(CommandScanner, FramesTagNameAndArguments) {
  check({
      {"a1 NOOP\r\n", {"Head a1 NOOP[]"}},
      {"a1 noop\r\n", {"Head a1 NOOP[]"}},
      {"a1 LOGIN \"smith\" \"a \\\"b\\\\ c\"\r\n", {"Head a1 LOGIN[\"smith\" \"a \\\"b\\\\ c\"]"}},
      {"a1 store 1 +flags \\Deleted\r\n", {"Head a1 STORE[1 +flags \\Deleted]"}},
      {"a1 UID STORE 1:* FLAGS (\\Seen)\r\n", {"Head a1 UID STORE[1:* FLAGS (\\Seen)]"}},
      {"a1 uid expunge 3\r\n", {"Head a1 UID EXPUNGE[3]"}},
      {"a1 LIST \"\" %\r\n", {"Head a1 LIST[\"\" %]"}},
      {"a]b.1 NOOP\r\n", {"Head a]b.1 NOOP[]"}},
      {"a1 CAPABILITY\r\na2 NOOP\r\na3 LOGOUT\r\n",
       {"Head a1 CAPABILITY[]", "Head a2 NOOP[]", "Head a3 LOGOUT[]"}},
      {"a1 NOO", {}},
      {"", {}},
  });
}

TEST(CommandScanner, AnUnknownVerbIsFramedLikeAnyOther) {
  check({
      {"a1 XFOO bar\r\n", {"Head a1 OTHER:XFOO[bar]"}},
      {"a1 X-FOO.BAR\r\n", {"Head a1 OTHER:X-FOO.BAR[]"}},
      {"a1 UID FOO 1\r\n", {"Head a1 UID OTHER:FOO[1]"}},
      {"a1 UID SELECT x\r\n", {"Head a1 UID OTHER:SELECT[x]"}},
      {"a1 DONE\r\n", {"Head a1 OTHER:DONE[]"}},  // ends an IDLE only as a line without a tag
  });
}

// security.md 13: each line is judged, whatever ends it.
TEST(CommandScanner, ABareLineFeedEndsALine) {
  check({
      {"a NOOP\nb DELETE x\r\n", {"Head a NOOP[]", "Head b DELETE[x]"}},
      {"a NOOP\r\n\nb NOOP\n", {"Head a NOOP[]", "Malformed malformed_command tag=", "Head b NOOP[]"}},
      {"a APPEND x {3+}\nabc\n", {"Head a APPEND[x ] body {3+}", "Body abc", "BodyEnd", "End []"}},
      {"a LOGIN {3+}\nabc {1+}\nd\n", {"Head a LOGIN[{3}\\r\\nabc {1}\\r\\nd] <abc> <d>"}},
  });
}

TEST(CommandScanner, ABareCarriageReturnOrNulEndsTheSession) {
  check({
      {"a NOOP\rb DELETE x\r\n", {"Lost bare_cr"}},
      {"a NOOP\r\r\n", {"Lost bare_cr"}},
      {"\r\r\n", {"Lost bare_cr"}},
      {"a LOGIN \"x\ry\" z\r\n", {"Lost bare_cr"}},
      {"a NOOP\0\r\n"s, {"Lost nul_octet"}},
      {"a LOGIN \"x\0y\" z\r\n"s, {"Lost nul_octet"}},
      {"a LOGIN \"x\\\0\" z\r\n"s, {"Lost nul_octet"}},
      {"a LOGIN {3+}\r\nabc\0\r\n"s, {"Lost malformed_literal"}},
  });
}

TEST(CommandScanner, CarriageReturnAndNulMayStandInALiteral) {
  check({{"a LOGIN {4+}\r\n\r\0\n\r {1+}\r\n\0\r\n"s,
          {"Head a LOGIN[{4}\\r\\n\\r\\x00\\n\\r {1}\\r\\n\\x00] <\\r\\x00\\n\\r> <\\x00>"}}});
}

// security.md 19 and 22: exactly one blank; an odd tag is never echoed.
TEST(CommandScanner, AMalformedHeadIsCertain) {
  check({
      {"\r\n", {"Malformed malformed_command tag="}},
      {"a\r\n", {"Malformed malformed_command tag=a"}},
      {"a \r\n", {"Malformed malformed_command tag=a"}},
      {"a  NOOP\r\n", {"Malformed malformed_command tag=a"}},
      {" a NOOP\r\n", {"Malformed malformed_command tag="}},
      {"a NOOP  \r\n", {"Malformed malformed_command tag=a"}},
      {"a DELETE  x\r\n", {"Malformed malformed_command tag=a"}},
      {"a DELETE\tx\r\n", {"Malformed malformed_command tag=a"}},
      {"a\tDELETE x\r\n", {"Malformed malformed_command tag="}},
      {"a UID\r\n", {"Malformed malformed_command tag=a"}},
      {"a UID \r\n", {"Malformed malformed_command tag=a"}},
      {"a UID  STORE 1 FLAGS x\r\n", {"Malformed malformed_command tag=a"}},
      {"a UID\tSTORE 1 FLAGS x\r\n", {"Malformed malformed_command tag=a"}},
      {"a UID STORE  1 FLAGS x\r\n", {"Malformed malformed_command tag=a"}},
      {"+ NOOP\r\n", {"Malformed malformed_command tag="}},
      {"a+b NOOP\r\n", {"Malformed malformed_command tag="}},
      {"* NOOP\r\n", {"Malformed malformed_command tag="}},
      {"\"a\" NOOP\r\n", {"Malformed malformed_command tag="}},
      {"{3} NOOP\r\n", {"Malformed malformed_command tag="}},
      {"a\x1b[2J NOOP\r\n", {"Malformed malformed_command tag="}},
      {"\xc3\xa4 NOOP\r\n", {"Malformed malformed_command tag="}},
      {"a N\xc3\x96OP\r\n", {"Malformed malformed_command tag=a"}},
      {"a \"NOOP\"\r\n", {"Malformed malformed_command tag=a"}},
      {"a NOOP(x)\r\n", {"Malformed malformed_command tag=a"}},
      {"a \x7f\r\n", {"Malformed malformed_command tag=a"}},
      {"a  NOOP\r\nb NOOP\r\n", {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
  });
}

TEST(CommandScanner, ATagHasAtMost128Octets) {
  const std::string most(128, 't');
  const std::string more(129, 't');
  check({
      {most.substr(1) + " NOOP\r\n", {"Head " + most.substr(1) + " NOOP[]"}},
      {most + " NOOP\r\n", {"Head " + most + " NOOP[]"}},
      {more + " NOOP\r\n", {"Malformed malformed_command tag="}},
  });
}

TEST(CommandScanner, OneTrailingBlankIsDropped) {
  check({
      {"a NOOP \r\n", {"Head a NOOP[]"}},
      {"a SELECT x \r\n", {"Head a SELECT[x]"}},
      {"a SELECT x  \r\n", {"Head a SELECT[x ]"}},
      {"a LOGIN {1+}\r\nu {1+}\r\np \r\n", {"Head a LOGIN[{1}\\r\\nu {1}\\r\\np] <u> <p>"}},
      {"a APPEND x {1+}\r\nm \r\n", {"Head a APPEND[x ] body {1+}", "Body m", "BodyEnd", "End []"}},
  });
}

TEST(CommandScanner, ArgumentLiteralsAreInlined) {
  check({
      {"a LOGIN {5}\r\nsmith {6}\r\nsecret\r\n",
       {"Literal {5} of a LOGIN[]", "Literal {6} of a LOGIN[{5}\\r\\nsmith ] <smith>",
        "Head a LOGIN[{5}\\r\\nsmith {6}\\r\\nsecret] <smith> <secret>"}},
      {"a LOGIN {5+}\r\nsmith \"secret\"\r\n", {"Head a LOGIN[{5}\\r\\nsmith \"secret\"] <smith>"}},
      {"a LOGIN {0+}\r\n {0}\r\n\r\n",
       {"Literal {0} of a LOGIN[{0}\\r\\n ] <>", "Head a LOGIN[{0}\\r\\n {0}\\r\\n] <> <>"}},
      {"a ID (\"name\" {23+}\r\nMicrosoft.Outlook.Mobile)\r\n", {"Lost malformed_literal"}},
      {"a ID (\"name\" {23+}\r\nMicrosoft Outlook Phone)\r\n",
       {"Head a ID[(\"name\" {23}\\r\\nMicrosoft Outlook Phone)] <Microsoft Outlook Phone>"}},
      {"a SEARCH OR (FROM {1+}\r\nx TO {1+}\r\ny) SEEN\r\n",
       {"Head a SEARCH[OR (FROM {1}\\r\\nx TO {1}\\r\\ny) SEEN] <x> <y>"}},
      {"a FETCH 1 ({1+}\r\nx)\r\n", {"Malformed malformed_command tag=a"}},
      {"a SETMETADATA x (/p ~{2+}\r\n\x01\x02)\r\n",
       {"Head a SETMETADATA[x (/p ~{2}\\r\\n\\x01\\x02)] <\\x01\\x02>"}},
      {"a XFOO {3+}\r\nabc\r\n", {"Malformed malformed_command tag=a"}},
      {"a RENAME {1+}\r\nx {1+}\r\ny z {1+}\r\nq\r\nb NOOP\r\n",
       {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
      {"a SEARCH TEXT 9400111899223197428490 FROM {1+}\r\nx\r\n", {"Malformed malformed_command tag=a"}},
      {"a SEARCH FROM {1+}\r\nx TEXT 9400111899223197428490\r\n",
       {"Head a SEARCH[FROM {1}\\r\\nx TEXT 9400111899223197428490] <x>"}},
      {"a RENAME {1+}\r\nx {1+}\r\ny z\r\nb NOOP\r\n",
       {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
  });
}

TEST(CommandScanner, ALineThatFollowsALiteralMayBeALiteralsOwnAnnouncement) {
  check({{"a LOGIN {1+}\r\n\" {1+}\r\n\"\r\n", {"Head a LOGIN[{1}\\r\\n\" {1}\\r\\n\"] <\"> <\">"}}});
}

// security.md 10: only {n} and {n+} directly before the line end; all else is BAD and close.
TEST(CommandScanner, WhatLooksLikeALiteralAndIsNoneEndsTheSession) {
  const std::vector<std::string> tokens{
      "{+5}",
      "{5-}",
      "{05+}",
      "{05}",
      "{00}",
      "{0x5}",
      "{ 5}",
      "{5 }",
      "{5+} ",
      "{5+}x",
      "{5} ",
      "{5}  ",
      "{5}\t",
      "{}",
      "{+}",
      "{-1}",
      "{5+}+",
      "{5++}",
      "{a}",
      "{",
      "{5",
      "{5+",
      "~{5} ",
      "~{}",
      "~{05}",
      "~{x}",
      "{5}{6}",
      "{5} {6}",
      "{5+}) ",
      "(){5}",
      "x{5}",
      "x{5+}",
      "~~{5}",
      "x~{5+}",
      "x{5+} ",
      "x{5}\t ",
      "\"x\"{5}",
      "{5+} y",
      "({5} y)",
      "({x)",
      "{9223372036854775808}",
      "{9223372036854775808+}",
      "{18446744073709551621+}",
      "{99999999999999999999}",
      "{5.0}",
      "{5,6}",
      "{\xd9\xa5}",
      "BODY[]{5}",
      "){5}",
  };
  for (const std::string& token : tokens) {
    SCOPED_TRACE(token);
    EXPECT_EQ(scan_commands_every_way("a SELECT " + token + "\r\nhello\r\nb DELETE x\r\n"),
              Events{"Lost malformed_literal"});
    EXPECT_EQ(scan_commands_every_way("a APPEND x (\\Seen) " + token + "\r\nhello\r\n"),
              Events{"Lost malformed_literal"});
  }
  EXPECT_EQ(scan_commands_every_way("{3}\r\nabc NOOP\r\n"), Events{"Lost malformed_literal"});
  EXPECT_EQ(scan_commands_every_way("a{3+}\r\nabc NOOP\r\n"), Events{"Lost malformed_literal"});
}

// security.md 11: quotes are understood, both ways.
TEST(CommandScanner, LiteralsInsideQuotesAreText) {
  check({
      {"a SELECT \"a {5}\"\r\nb NOOP\r\n", {"Head a SELECT[\"a {5}\"]", "Head b NOOP[]"}},
      {"a SELECT \"{5}\"\r\n", {"Head a SELECT[\"{5}\"]"}},
      {"a SELECT \"a {5+}\" \r\n", {"Head a SELECT[\"a {5+}\"]"}},
      {"a SELECT \"{5}\" x}\r\n", {"Malformed malformed_command tag=a"}},
      {"a SELECT \"x {21+}\r\n", {"Lost unclosed_quote"}},
      {"a SELECT \"a\\\" {9+}\r\n", {"Lost unclosed_quote"}},
      {"a RENAME \"a\\\\\" {1+}\r\nx\r\n", {"Head a RENAME[\"a\\\\\" {1}\\r\\nx] <x>"}},
      {"a SELECT \"abc\r\n", {"Lost unclosed_quote"}},
      {"a SELECT \"abc\\\r\n", {"Lost unclosed_quote"}},
      {"a SELECT x\"\r\n", {"Lost unclosed_quote"}},
  });
}

TEST(CommandScanner, BracesElsewhereAreNotInAnyGrammar) {
  check({
      {"a SELECT a}b\r\n", {"Malformed malformed_command tag=a"}},
      {"a SELECT a{b\r\n", {"Malformed malformed_command tag=a"}},
      {"a SEARCH x{y z}\r\n", {"Malformed malformed_command tag=a"}},
      {"a} SELECT \"a}{b\"\r\n", {"Head a} SELECT[\"a}{b\"]"}},
  });
}

TEST(CommandScanner, BehindALiteralOnlyABlankABracketOrTheLineEndMayFollow) {
  check({
      {"a LOGIN {1+}\r\nux\r\n", {"Lost malformed_literal"}},
      {"a LOGIN {1+}\r\nu{1+}\r\np\r\n", {"Lost malformed_literal"}},
      {"a LOGIN {1+}\r\nu\"p\"\r\n", {"Lost malformed_literal"}},
      {"a LOGIN {1+}\r\nu\tp\r\n", {"Lost malformed_literal"}},
      {"a APPEND x {1+}\r\nmb NOOP\r\n",
       {"Head a APPEND[x ] body {1+}", "Body m", "BodyEnd", "Lost malformed_literal"}},
      {"a  X {1+}\r\nmb NOOP\r\n", {"Lost malformed_literal"}},
  });
}

TEST(CommandScanner, ALiteralTakesThePlaceOfTheNameNowhere) {
  check({
      {"a {5+}\r\nhello\r\nb NOOP\r\n", {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
      {"a UID {5+}\r\nhello 1\r\nb NOOP\r\n", {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
      {"a {5}\r\nb NOOP\r\n", {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
  });
}

// security.md 7: the literals of a malformed command are swallowed with it.
TEST(CommandScanner, AMalformedCommandTakesItsLiteralsWithIt) {
  check({
      {"a  WRONG {26+}\r\nz1 CAPABILITY\r\nz2 NOOP\r\n12\r\nb NOOP\r\n",
       {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
      {"+ X {3+}\r\nabc {3+}\r\ndef) \r\nb NOOP\r\n", {"Malformed malformed_command tag=", "Head b NOOP[]"}},
      {"a  X {3+}\r\nabc {3}\r\nb NOOP\r\n", {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
      {"a  X {0+}\r\n\r\nb NOOP\r\n", {"Malformed malformed_command tag=a", "Head b NOOP[]"}},
      {"a  X {3+}\r\nabc \"\r\n", {"Lost unclosed_quote"}},
      {"a  X {3+}\r\nabc {x}\r\n", {"Lost malformed_literal"}},
      {"a  X {3}\r\nabc\r\n", {"Malformed malformed_command tag=a", "Malformed malformed_command tag=abc"}},
  });
  CommandRun run;
  scan_commands({"a  X {1000000+}\r\n", std::string(1000000, 'x')}, run);
  EXPECT_LE(run.most_held, 128U);
}

TEST(CommandScanner, ATagOfAMalformedCommandOutlivesItsLiterals) {
  const std::string tag(128, 'q');
  check({{tag + "  X {3+}\r\nabc {200+}\r\n" + std::string(200, 'z') + "\r\nb NOOP\r\n",
          {"Malformed malformed_command tag=" + tag, "Head b NOOP[]"}}});
}

// What the borrowed views point at lies in the input itself: nothing was copied.
TEST(CommandScanner, AWholeLineIsBorrowedInPlace) {
  const std::string client = "a1 UID FETCH 1:* (FLAGS)\r\na2 APPEND x {3+}\r\nabc\r\n";
  CommandScanner scanner({});
  Octets in = client;
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(scanner.command().text.data(), client.data());
  EXPECT_EQ(scanner.held_octets(), 0U);
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(scanner.command().text.data(), client.data() + 26);
  ASSERT_EQ(scanner.next(in), CommandEvent::Body);
  EXPECT_EQ(scanner.octets().data(), client.data() + client.size() - 5);
  EXPECT_EQ(scanner.held_octets(), 0U);
}

TEST(CommandScanner, KnowsWhetherACommandHasBegun) {
  CommandScanner scanner({});
  EXPECT_TRUE(scanner.at_boundary());
  Octets in = "a NO";
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  EXPECT_FALSE(scanner.at_boundary());
  in = "OP\r\nb APPEND x {1}\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_TRUE(scanner.at_boundary());
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_FALSE(scanner.at_boundary());
  in = "m";
  EXPECT_EQ(scanner.next(in), CommandEvent::Body);
  EXPECT_FALSE(scanner.at_boundary());
  in = "\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::End);
  EXPECT_TRUE(scanner.at_boundary());
}

TEST(CommandScanner, ReleaseFreesWhatTheLastEventBorrowed) {
  CommandScanner scanner({});
  Octets in = "a LOGIN u ";
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  in = "p\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_GT(scanner.held_octets(), 0U);
  scanner.release();
  EXPECT_EQ(scanner.held_octets(), 0U);
  EXPECT_TRUE(scanner.command().text.empty());
}

TEST(CommandScanner, MovedItGoesOnWhereItWas) {
  CommandScanner first({});
  Octets in = "a LOGIN {1+}\r\nu ";
  EXPECT_EQ(first.next(in), CommandEvent::NeedMore);
  CommandScanner second = std::move(first);
  in = "p\r\n";
  ASSERT_EQ(second.next(in), CommandEvent::Head);
  EXPECT_EQ(shown(second.command()), "a LOGIN[{1}\\r\\nu p] <u>");
}

}  // namespace
}  // namespace postern::imap::testing
