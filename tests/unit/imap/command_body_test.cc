// Message bodies, refusals, limits and lines of the CommandScanner.
#include <gtest/gtest.h>

#include <utility>

#include "imap/command_scanner.h"
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

// RFC 9051 §6.3.12.
TEST(MessageBody, OfAppend) {
  check({
      {"a APPEND INBOX {5}\r\nhello\r\n",
       {"Head a APPEND[INBOX ] body {5}", "Body hello", "BodyEnd", "End []"}},
      {"a append \"x y\" (\\Seen \\Draft) \"01-Jan-2026 00:00:00 +0000\" {5+}\r\nhello\r\n",
       {"Head a APPEND[\"x y\" (\\Seen \\Draft) \"01-Jan-2026 00:00:00 +0000\" ] body {5+}", "Body hello",
        "BodyEnd", "End []"}},
      {"a APPEND {5}\r\nINBOX (\\Seen) {2}\r\nhi\r\n",
       {"Literal {5} of a APPEND[]", "Head a APPEND[{5}\\r\\nINBOX (\\Seen) ] <INBOX> body {2}", "Body hi",
        "BodyEnd", "End []"}},
      {"a APPEND INBOX ~{3}\r\na\x01z\r\n",
       {"Head a APPEND[INBOX ] body ~{3}", "Body a\\x01z", "BodyEnd", "End []"}},
      {"a APPEND INBOX {0}\r\n\r\n", {"Head a APPEND[INBOX ] body {0}", "Body ", "BodyEnd", "End []"}},
      {"a APPEND INBOX {2}\r\n\r\n\r\nb NOOP\r\n",
       {"Head a APPEND[INBOX ] body {2}", "Body \\r\\n", "BodyEnd", "End []", "Head b NOOP[]"}},
      {"a APPEND INBOX\r\n", {"Head a APPEND[INBOX]"}},
  });
}

TEST(MessageBody, OfReplace) {
  check({
      {"a REPLACE 4 Drafts (\\Draft) {2}\r\nhi\r\n",
       {"Head a REPLACE[4 Drafts (\\Draft) ] body {2}", "Body hi", "BodyEnd", "End []"}},
      {"a UID REPLACE 4 {6+}\r\nDrafts {2+}\r\nhi\r\n",
       {"Head a UID REPLACE[4 {6}\\r\\nDrafts ] <Drafts> body {2+}", "Body hi", "BodyEnd", "End []"}},
  });
}

// RFC 3502: what stands between two messages is a part, to be judged like a head.
TEST(MessageBody, OfMultiappend) {
  check({
      {"a APPEND x {1+}\r\nA (\\Deleted) {1+}\r\nB \"01-Jan-2026 00:00:00 +0000\" {1}\r\nC\r\n",
       {"Head a APPEND[x ] body {1+}", "Body A", "BodyEnd", "Part [ (\\Deleted) ] body {1+}", "Body B",
        "BodyEnd", "Part [ \"01-Jan-2026 00:00:00 +0000\" ] body {1}", "Body C", "BodyEnd", "End []"}},
  });
}

// RFC 6855 §4, RFC 4469.
TEST(MessageBody, OfUtf8AndCatenate) {
  check({
      {"a APPEND x (\\Seen) UTF8 (~{2+}\r\nhi)\r\n",
       {"Head a APPEND[x (\\Seen) UTF8 (] body ~{2+}", "Body hi", "BodyEnd", "End [)]"}},
      {"a APPEND x CATENATE (URL \"/u\" TEXT {2+}\r\nhi URL {3+}\r\n/u2 TEXT ~{1+}\r\nz)\r\n",
       {"Head a APPEND[x CATENATE (URL \"/u\" TEXT ] body {2+}", "Body hi", "BodyEnd",
        "Part [ URL {3}\\r\\n/u2 TEXT ] </u2> body ~{1+}", "Body z", "BodyEnd", "End [)]"}},
      {"a APPEND x CATENATE (url {3+}\r\n/u2 text {1+}\r\nz)\r\n",
       {"Head a APPEND[x CATENATE (url {3}\\r\\n/u2 text ] </u2> body {1+}", "Body z", "BodyEnd", "End [)]"}},
      {"a APPEND x CATENATE (TEXT {1+}\r\nA) (\\Deleted) {1+}\r\nB\r\n",
       {"Head a APPEND[x CATENATE (TEXT ] body {1+}", "Body A", "BodyEnd", "Part [) (\\Deleted) ] body {1+}",
        "Body B", "BodyEnd", "End []"}},
      {"a APPEND CATENATE (TEXT {1+}\r\nA) {1+}\r\nB\r\n",  // that is the mailbox's name, and no CATENATE
       {"Malformed malformed_command tag=a"}},
      {"a APPEND x ANNOTATION (/c (v {1+}\r\nA)) {1+}\r\nB\r\n",
       {"Head a APPEND[x ANNOTATION (/c (v {1}\\r\\nA)) ] <A> body {1+}", "Body B", "BodyEnd", "End []"}},
  });
}

TEST(MessageBody, OtherVerbsHaveNone) {
  check({
      {"a SELECT x {1+}\r\nm\r\n", {"Malformed malformed_command tag=a"}},
      {"a UID APPEND x {1+}\r\nm\r\n", {"Malformed malformed_command tag=a"}},
  });
}

TEST(MessageBody, StreamsInPiecesOfTheInput) {
  CommandScanner scanner({});
  Octets in = "a APPEND x {6}\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  in = "abc";
  ASSERT_EQ(scanner.next(in), CommandEvent::Body);
  EXPECT_EQ(scanner.octets(), "abc");
  EXPECT_FALSE(scanner.last());
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  in = "def\r\nb NOOP\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Body);
  EXPECT_EQ(scanner.octets(), "def");
  EXPECT_TRUE(scanner.last());
  EXPECT_EQ(scanner.held_octets(), 0U);
}

TEST(MessageBody, OfTheLargestSizeIsOnlyAnnounced) {
  check({{"a APPEND x {9223372036854775807}\r\nabc",
          {"Head a APPEND[x ] body {9223372036854775807}", "Body abc"}}});
}

// --- refusals ----------------------------------------------------------------------------------------------

CommandRun refusing(CommandEvent at) {
  CommandRun run;
  run.refuses = [at](CommandEvent event, const Command& command) {
    return event == at && (command.tag == "a" || command.tag.empty());
  };
  return run;
}

TEST(Refusal, OfAWholeCommandIsReportedAtOnce) {
  check({{"a DELETE x\r\nb NOOP\r\n", {"Head a DELETE[x]", "Swallowed", "Head b NOOP[]"}}},
        refusing(CommandEvent::Head));
}

// security.md 9: the NO takes the place of "+", the next octet starts a command.
TEST(Refusal, AtASynchronisingLiteralTheNextOctetStartsACommand) {
  check({{"a APPEND x {5}\r\nb NOOP\r\n", {"Head a APPEND[x ] body {5}", "Swallowed", "Head b NOOP[]"}},
         {"a APPEND x {0}\r\nb NOOP\r\n", {"Head a APPEND[x ] body {0}", "Swallowed", "Head b NOOP[]"}},
         {"a LOGIN {1+}\r\nu x\r\nb NOOP\r\n",
          {"Head a LOGIN[{1}\\r\\nu x] <u>", "Swallowed", "Head b NOOP[]"}}},
        refusing(CommandEvent::Head));
  check({{"a LOGIN {5}\r\nb NOOP\r\n", {"Literal {5} of a LOGIN[]", "Swallowed", "Head b NOOP[]"}}},
        refusing(CommandEvent::ArgumentLiteral));
  check({{"a APPEND x {1+}\r\nA (\\Deleted) {5}\r\nb NOOP\r\n",
          {"Head a APPEND[x ] body {1+}", "Body A", "BodyEnd", "Part [ (\\Deleted) ] body {5}", "Swallowed",
           "Head b NOOP[]"}}},
        refusing(CommandEvent::Part));
}

// security.md 7: {n+} is swallowed, with all that follows it in the command.
TEST(Refusal, SwallowsWhatTheClientSendsUnasked) {
  check(
      {{"a APPEND x {5+}\r\nb NOOP\r\nc NOOP\r\n", {"Head a APPEND[x ] body {5+}", "Lost malformed_literal"}},
       {"a APPEND x {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
        {"Head a APPEND[x ] body {8+}", "Swallowed", "Head c NOOP[]"}},
       {"a APPEND x {0+}\r\n\r\nc NOOP\r\n", {"Head a APPEND[x ] body {0+}", "Swallowed", "Head c NOOP[]"}},
       {"a APPEND x {1+}\r\nA (\\Deleted) {3+}\r\nb\r\n \"q\" {4}\r\nc NOOP\r\n",
        {"Head a APPEND[x ] body {1+}", "Swallowed", "Head c NOOP[]"}},
       {"a APPEND x {1+}\r\nA \"{3+}\r\n", {"Head a APPEND[x ] body {1+}", "Lost unclosed_quote"}},
       {"a APPEND x {1+}\r\nA {03+}\r\n", {"Head a APPEND[x ] body {1+}", "Lost malformed_literal"}}},
      refusing(CommandEvent::Head));
}

TEST(Refusal, InConstantMemory) {
  CommandRun run = refusing(CommandEvent::Head);
  Pieces pieces{"a APPEND x {100000000+}\r\n"};
  for (int i = 0; i < 100; ++i) pieces.emplace_back(1000000, 'x');
  pieces.emplace_back("\r\nb NOOP\r\n");
  EXPECT_EQ(scan_commands(pieces, run),
            (Events{"Head a APPEND[x ] body {100000000+}", "Swallowed", "Head b NOOP[]"}));
  EXPECT_EQ(run.most_held, 0U);
}

TEST(Refusal, WithinABodyTakesItsRest) {
  CommandScanner scanner({});
  Octets in = "a APPEND x {6}\r\nabc";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  ASSERT_EQ(scanner.next(in), CommandEvent::Body);
  scanner.refuse();
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  EXPECT_FALSE(scanner.at_boundary());
  in = "def\r\nb NOOP\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Swallowed);
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(scanner.command().tag, "b");
}

// The upstream's NO that comes when its "+" has been passed on, but none of the client's octets have come.
TEST(Refusal, OfALiteralThatWasAskedForTakesItsOctets) {
  CommandScanner scanner({});
  Octets in = "a APPEND x {6}\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);  // it was asked for
  scanner.refuse();
  in = "b NOOP\r\nc NOOP\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Swallowed);
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(scanner.command().tag, "c");
}

TEST(Refusal, WithinAnArgumentLiteralThatWasAskedFor) {
  CommandScanner scanner({});
  Octets in = "a LOGIN {6}\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::ArgumentLiteral);
  in = "abc";
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  scanner.refuse();
  in = "def x\r\nb NOOP\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Swallowed);
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(shown(scanner.command()), "b NOOP[]");
}

TEST(Refusal, OfAHeadThatIsHalfThere) {
  CommandScanner scanner({});
  Octets in = "a LOGIN {1+}\r\nx y";
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  scanner.refuse();
  in = "z\r\nb NOOP\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Swallowed);
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(shown(scanner.command()), "b NOOP[]");
}

TEST(Refusal, BetweenCommandsChangesNothing) {
  CommandScanner scanner({});
  scanner.refuse();
  Octets in = "a NOOP\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  scanner.refuse();
  in = "b NOOP\r\n";
  EXPECT_EQ(scanner.next(in), CommandEvent::Head);
}

TEST(Refusal, TheTagStaysReadableUntilTheNextCall) {
  CommandScanner scanner({});
  Octets in = "a APPEND x ";
  EXPECT_EQ(scanner.next(in), CommandEvent::NeedMore);
  in = "{5}\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  scanner.refuse();
  EXPECT_EQ(scanner.command().tag, "a");
  EXPECT_EQ(scanner.next(in), CommandEvent::Swallowed);
}

// --- limits ------------------------------------------------------------------------------------------------

// security.md 25: the octets of a command's lines, literals and line ends aside.
TEST(CommandLimits, OfALine) {
  CommandRun run;
  run.limits = {64, 64};
  for (const std::string end : {"\r\n", "\n"}) {
    for (const std::size_t size : {63U, 64U, 65U}) {
      SCOPED_TRACE(size);
      const std::string args(size - 5, 'x');
      const Events events = scan_commands_every_way("a SE " + args + end + "b NOOP\r\n", run);
      if (size > 64) {
        EXPECT_EQ(events, Events{"Lost line_too_long"});
      } else {
        EXPECT_EQ(events, (Events{"Head a OTHER:SE[" + args + "]", "Head b NOOP[]"}));
      }
    }
  }
}

TEST(CommandLimits, ALineThatNeverEndsIsFoundWithoutItsEnd) {
  CommandRun run;
  run.limits = {64, 64};
  EXPECT_EQ(scan_commands_every_way("a SE " + std::string(59, 'x'), run), Events{});
  EXPECT_EQ(scan_commands_every_way("a SE " + std::string(59, 'x') + "\r", run), Events{});
  EXPECT_EQ(scan_commands_every_way("a SE " + std::string(60, 'x'), run), Events{"Lost line_too_long"});
  EXPECT_EQ(scan_commands_every_way("a SE " + std::string(59, 'x') + "\ry", run),
            Events{"Lost line_too_long"});
  Pieces endless(1000, std::string(1000, '('));
  run.limits = {};
  EXPECT_EQ(scan_commands(endless, run), Events{"Lost line_too_long"});
  EXPECT_LE(run.most_held, 64U * 1024 + 1);
}

// The one command whose line may bring a token.
TEST(CommandLimits, OfALineWithAuthenticate) {
  CommandRun run;
  run.limits = {.line = 32, .arguments = 32, .authenticate = 64};
  for (const std::size_t size : {31U, 32U, 33U, 63U, 64U, 65U}) {
    SCOPED_TRACE(size);
    const std::string token(size - 21, 'Q');
    const Events events = scan_commands_every_way("a authenticate PLAIN " + token + "\r\nb NOOP\r\n", run);
    if (size > 64) {
      EXPECT_EQ(events, Events{"Lost line_too_long"});
    } else {
      EXPECT_EQ(events, (Events{"Head a AUTHENTICATE[PLAIN " + token + "]", "Head b NOOP[]"}));
    }
  }
  for (const std::string begin : {"a AUTHENTICATED ", "a  AUTHENTICATE ", "a LOGIN AUTHENTICATE "})
    EXPECT_EQ(scan_commands_every_way(begin + std::string(30, 'Q'), run), Events{"Lost line_too_long"});
  // What follows on a literal in it has nothing left of the line's own limit.
  EXPECT_EQ(scan_commands_every_way("a AUTHENTICATE " + std::string(40, 'Q') + " {1+}\r\nx \"\"\r\n", run),
            Events{"Lost line_too_long"});
}

TEST(CommandLimits, OfALineCountAllLinesOfACommand) {
  CommandRun run;
  run.limits = {24, 64};
  // "a LOGIN {9+}" has 12 octets, the second line 11 to 13.
  check({{"a LOGIN {9+}\r\n123456789 1234567890\r\n",
          {"Head a LOGIN[{9}\\r\\n123456789 1234567890] <123456789>"}},
         {"a LOGIN {9+}\r\n123456789 12345678901\r\n",
          {"Head a LOGIN[{9}\\r\\n123456789 12345678901] <123456789>"}},
         {"a LOGIN {9+}\r\n123456789 123456789012\r\n", {"Lost line_too_long"}},
         {"a APPEND x {1+}\r\nA (x) {1+}\r\nB\r\n",
          {"Head a APPEND[x ] body {1+}", "Body A", "BodyEnd", "Part [ (x) ] body {1+}", "Body B", "BodyEnd",
           "End []"}},
         {"a APPEND x {1+}\r\nA (xy) {1+}\r\nB\r\n",
          {"Head a APPEND[x ] body {1+}", "Body A", "BodyEnd", "Lost line_too_long"}}},
        run);
}

TEST(CommandLimits, OfArgumentLiterals) {
  CommandRun run;
  run.limits = {100, 8};
  check(
      {{"a LOGIN {3+}\r\nabc {4+}\r\ndefg\r\n", {"Head a LOGIN[{3}\\r\\nabc {4}\\r\\ndefg] <abc> <defg>"}},
       {"a LOGIN {3+}\r\nabc {5+}\r\ndefgh\r\n", {"Head a LOGIN[{3}\\r\\nabc {5}\\r\\ndefgh] <abc> <defgh>"}},
       {"a LOGIN {3+}\r\nabc {6+}\r\ndefghi\r\n", {"Lost literal_too_large"}},
       {"a LOGIN {9+}\r\n", {"Lost literal_too_large"}},
       {"a LOGIN {8}\r\n12345678\r\n",
        {"Literal {8} of a LOGIN[]", "Head a LOGIN[{8}\\r\\n12345678] <12345678>"}},
       {"a LOGIN {9223372036854775807+}\r\n", {"Lost literal_too_large"}},
       {"a APPEND x {9+}\r\n123456789\r\n",  // a body is not bound by it
        {"Head a APPEND[x ] body {9+}", "Body 123456789", "BodyEnd", "End []"}}},
      run);
}

TEST(CommandLimits, ASynchronisingLiteralThatIsTooLargeCanBeRefused) {
  CommandRun run;
  run.limits = {100, 8};
  check({{"a LOGIN {9}\r\n123456789\r\n", {"Literal {9} of a LOGIN[]", "Lost literal_too_large"}}}, run);
  run.refuses = [](CommandEvent event, const Command&) { return event == CommandEvent::ArgumentLiteral; };
  check({{"a LOGIN {9}\r\nb NOOP\r\n", {"Literal {9} of a LOGIN[]", "Swallowed", "Head b NOOP[]"}}}, run);
}

// Each argument literal costs a row, so their number is bound too, whatever their size.
TEST(CommandLimits, OfTheNumberOfArgumentLiterals) {
  for (const int literals : {1023, 1024, 1025}) {
    std::string client = "a SEARCH";
    for (int i = 0; i < literals; ++i) client += " X {0+}\r\n";
    CommandRun run;
    const Events events = scan_commands({client + "\r\n"}, run);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0] == "Lost literal_too_large", literals > 1024);
  }
}

TEST(CommandLimits, WhatIsHeldIsAtMostALineAndItsLiterals) {
  CommandRun run;
  run.limits = {1000, 2000};
  Pieces pieces{"a LOGIN {1500+}\r\n"};
  for (int i = 0; i < 1500; ++i) pieces.emplace_back("x");
  for (int i = 0; i < 984; ++i) pieces.emplace_back(" ");
  pieces.emplace_back("\r\n");
  EXPECT_EQ(scan_commands(pieces, run).size(), 1U);
  EXPECT_LE(run.most_held, 1000U + 2000U + 2 * 1024U + 1);
}

// --- lines -------------------------------------------------------------------------------------------------

Events lines(const Pieces& pieces, std::size_t limit) {
  CommandScanner scanner({});
  Events events;
  for (const std::string& piece : pieces) {
    Octets in = piece;
    for (;;) {
      const CommandEvent event = scanner.next_line(in, limit);
      if (event == CommandEvent::NeedMore) break;
      if (event == CommandEvent::Malformed) {
        EXPECT_FALSE(scanner.certain());
        events.push_back("Lost " + std::string(label_of(scanner.error())));
        return events;
      }
      events.push_back("Line " + shown(scanner.octets()));
      EXPECT_TRUE(scanner.at_boundary());
    }
  }
  EXPECT_TRUE(!scanner.at_boundary() || scanner.held_octets() == 0);
  return events;
}

TEST(NextLine, GivesLinesAsTheyAre) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, Events>> cases{
      {"DONE\r\n", {"Line DONE"}},
      {"AGEAYg==\r\n*\n\r\n", {"Line AGEAYg==", "Line *", "Line "}},
      {"a {5}\r\n\"x\r\n", {"Line a {5}", "Line \"x"}},  // no literals, no quotes
      {"DONE \r\n", {"Line DONE "}},
      {"a\rb\r\n", {"Lost bare_cr"}},
      {"a\0b\r\n"s, {"Lost nul_octet"}},
      {"12345678\r\n", {"Line 12345678"}},
      {"1234567\n", {"Line 1234567"}},
      {"12345678901\r\n", {"Lost line_too_long"}},
      {"12345678901", {"Lost line_too_long"}},
      {"1234567890", {}},
      {"1234567890\r", {}},
      {"1234567890\r\n", {"Line 1234567890"}},
  };
  for (const auto& [client, events] : cases) {
    SCOPED_TRACE(shown(client));
    EXPECT_EQ(lines({client}, 10), events);
    for (const Pieces& pieces : cuts(client)) EXPECT_EQ(lines(pieces, 10), events);
  }
}

TEST(NextLine, FollowsACommandInTheSameInput) {
  CommandScanner scanner({});
  Octets in = "a IDLE\r\nDONE\r\nb DELETE x\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  ASSERT_EQ(scanner.next_line(in, 16), CommandEvent::Line);
  EXPECT_EQ(scanner.octets(), "DONE");
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  EXPECT_EQ(shown(scanner.command()), "b DELETE[x]");
}

TEST(NextLine, WithinACommandIsNoLine) {
  CommandScanner scanner({});
  Octets in = "a APPEND x {1}\r\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  in = "m\r\n";
  ASSERT_EQ(scanner.next_line(in, 16), CommandEvent::Malformed);
  EXPECT_EQ(scanner.error(), ErrorCode::Internal);
}

}  // namespace
}  // namespace postern::imap::testing
