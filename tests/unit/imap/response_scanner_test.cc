#include "imap/response_scanner.h"

#include <gtest/gtest.h>

#include "unit/imap/scan.h"

namespace postern::imap::testing {
namespace {

struct Case {
  std::string upstream;
  Events events;
};

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(shown(c.upstream));
    EXPECT_EQ(scan_responses_every_way(c.upstream), c.events);
  }
}

// One response: its head and its octets as they came.
Events one(const std::string& head, const std::string& octets) { return {head, shown(octets) + "|"}; }

void check_heads(const std::vector<std::pair<std::string, std::string>>& cases) {
  for (const auto& [upstream, head] : cases) check({{upstream, one(head, upstream)}});
}

TEST(ResponseScanner, UntaggedData) {
  check_heads({
      {"* FLAGS (\\Answered \\Seen)\r\n", "* FLAGS"},
      {"* 5 EXPUNGE\r\n", "* 5 EXPUNGE"},
      {"* 0 exists\r\n", "* 0 exists"},
      {"* 23 FETCH (FLAGS (\\Seen))\r\n", "* 23 FETCH"},
      {"* SEARCH\r\n", "* SEARCH"},
      {"* SEARCH 2 84 882\r\n", "* SEARCH"},
      {"* VANISHED (EARLIER) 41,43:116\r\n", "* VANISHED"},
      {"* CAPABILITY IMAP4rev1 IDLE\r\n", "* CAPABILITY"},
      {"* LIST () \"/\" \"a {5}\"\r\n", "* LIST"},
      {"* 9223372036854775807 EXISTS\r\n", "* 9223372036854775807 EXISTS"},
      {"* 9223372036854775808 EXISTS\r\n", "* 9223372036854775808"},
      {"* 99999999999999999999 EXISTS\r\n", "* 99999999999999999999"},
      {"* 5\r\n", "* 5"},
      {"* 5x EXPUNGE\r\n", "* 5x"},
      {"* XFOO\n", "* XFOO"},
      {"* \r\n", "*"},
  });
}

TEST(ResponseScanner, StatusResponses) {
  check_heads({
      {"* OK Dovecot ready.\r\n", "* OK text[Dovecot ready.]"},
      {"* ok\r\n", "* OK"},
      {"* PREAUTH hello\r\n", "* PREAUTH text[hello]"},
      {"* BYE Logging out\r\n", "* BYE text[Logging out]"},
      {"* OK [CAPABILITY IMAP4rev1] ready\r\n", "* OK code[CAPABILITY IMAP4rev1] text[ready]"},
      {"a1 OK [READ-ONLY] Select completed\r\n", "a1 OK code[READ-ONLY] text[Select completed]"},
      {"a1 NO [TRYCREATE]\r\n", "a1 NO code[TRYCREATE]"},
      {"a1 BAD Error\n", "a1 BAD text[Error]"},
      {"a1 OK\r\n", "a1 OK"},
      {"a1 OK \r\n", "a1 OK"},
      {"a]1 OK [COPYUID 1 2 3] x ] y\r\n", "a]1 OK code[COPYUID 1 2 3] text[x ] y]"},
      {"a1 OK [unclosed\r\n", "a1 OK text[[unclosed]"},
      {"* OKAY then\r\n", "* OKAY"},
  });
}

// protocol.md §1: the text is opaque.
TEST(ResponseScanner, NoLiteralOpensInTextOrContinuations) {
  check_heads({
      {"* OK see {5}\r\n", "* OK text[see {5}]"},
      {"* BYE {5}\r\n", "* BYE text[{5}]"},
      {"a1 NO \"unclosed {99999999999999999999}\r\n", "a1 NO text[\"unclosed {99999999999999999999}]"},
      {"a1 OK [ALERT] {5}\r\n", "a1 OK code[ALERT] text[{5}]"},
      {"+ {5}\r\n", "+ text[{5}]"},
      {"+ idling\r\n", "+ text[idling]"},
      {"+ \r\n", "+"},
      {"+\r\n", "+"},
      {"+\n", "+"},
      {"+ YWJj\n", "+ text[YWJj]"},
  });
}

TEST(ResponseScanner, LiteralsBelongToTheirResponse) {
  check_heads({
      {"* 1 FETCH (BODY[] {5}\r\nhello)\r\n", "* 1 FETCH"},
      {"* 1 FETCH (BODY[] ~{5}\r\nh\r\n\x01o)\r\n", "* 1 FETCH"},
      {"* 1 FETCH (BODY[] {0}\r\n)\r\n", "* 1 FETCH"},
      {"* 1 FETCH (BODY[]{5}\r\nhello)\r\n", "* 1 FETCH"},
      {"* 1 FETCH (A {2}\r\nab B {2}\r\n{2 C {3}\n{2})\n", "* 1 FETCH"},
      {"* 1 FETCH (A {4}\r\n\"x\"\" B \"{5}\" C {1}\r\n\")\r\n", "* 1 FETCH"},
      {"* LIST () {1}\r\n/ {3}\r\na\r\n\r\n", "* LIST"},
      {"* 1 FETCH (BODY[] {7}\r\na1 OK\r\n)\r\n", "* 1 FETCH"},  // security.md 21: no tagged answer
  });
}

TEST(ResponseScanner, ALineEndsInALiteralOnlyOutsideQuotes) {
  check_heads({
      {"* LIST () NIL \"abc\r\n", "* LIST"},  // ends inside quotes: passed
      {"* X \"a\\\" b\r\n", "* X"},
      {"* X {5} \r\n", "* X"},
      {"* X {}\r\n", "* X"},
      {"* X {-5}\r\n", "* X"},
      {"* X {5x}\r\n", "* X"},
      {"* X 5}\r\n", "* X"},
      {"* X {5}\r\r\n", "* X"},
      {"* X \"{5}\"\r\n", "* X"},
  });
  check({
      {"* X \"a {5}\r\nhello\r\n", {"Lost upstream_malformed"}},
      {"* X \"a\\\" {5}\r\nhello\r\n", {"Lost upstream_malformed"}},
      {"* X \"a\\{5}\r\nhello\r\n", {"Lost upstream_malformed"}},
      {"* X {05}\r\nhello\r\n", {"Lost upstream_malformed"}},
      {"* X {00}\r\n", {"Lost upstream_malformed"}},
      {"* X {5+}\r\nhello\r\n", {"Lost upstream_malformed"}},
      {"* X {9223372036854775808}\r\n", {"Lost upstream_malformed"}},
      {"* X {99999999999999999999999999}\r\n", {"Lost upstream_malformed"}},
      {"* X {9223372036854775807}\r\nab", {"* X", "* X {9223372036854775807}\\r\\nab"}},
  });
}

TEST(ResponseScanner, WhatIsNoResponseEndsTheSession) {
  const std::vector<std::string> lines{
      "\r\n",
      "hello\r\n",
      "*\r\n",
      "*OK hi\r\n",
      "HTTP/1.1 400 Bad Request\r\n",
      "220 smtp\r\n",
      "a+b OK x\r\n",
      "\"a\" OK x\r\n",
      " a OK x\r\n",
      "a  OK x\r\n",
      "a PREAUTH x\r\n",
      "a BYE x\r\n",
      "a FETCH x\r\n",
      "\x16\x03\x01\n",
      "a\r\n",
      std::string(129, 't') + " OK x\r\n",
  };
  for (const std::string& line : lines)
    check({{"* OK hi\r\n" + line, {"* OK text[hi]", "* OK hi\\r\\n|", "Lost upstream_malformed"}}});
  check_heads({{std::string(128, 't') + " OK x\r\n", std::string(128, 't') + " OK text[x]"}});
}

// Behind a string the grammar has a blank, a bracket or the line's end: what has anything else there was
// announced with a wrong size.
TEST(ResponseScanner, ALiteralOfAnotherSizeThanAnnouncedIsFound) {
  for (const std::string behind : {" UID 4)\r\n", ")\r\n", "\r\n", "\n", "(x)\r\n"})
    EXPECT_EQ(scan_responses_every_way("* 1 FETCH (BODY[] {3}\r\nabc" + behind).size(), 2U) << behind;
  for (const std::string size : {"0", "1", "2", "6", "7", "9"}) {
    const Events events =
        scan_responses_every_way("* 1 FETCH (BODY[] {" + size + "}\r\nabc)\r\na1 OK done\r\n* 2 EXISTS\r\n");
    ASSERT_FALSE(events.empty()) << size;
    EXPECT_EQ(events.back(), "Lost upstream_malformed") << size;
  }
}

TEST(ResponseScanner, SeveralResponsesInOneInput) {
  check({{"* 1 EXISTS\r\n* 2 FETCH (X {3}\r\nabc)\r\n+ go\r\na1 OK done\r\n",
          {"* 1 EXISTS", "* 1 EXISTS\\r\\n|", "* 2 FETCH", "* 2 FETCH (X {3}\\r\\nabc)\\r\\n|", "+ text[go]",
           "+ go\\r\\n|", "a1 OK text[done]", "a1 OK done\\r\\n|"}}});
}

// Lines longer than the head are classified by it and streamed; what ends them is known all the same.
TEST(ResponseScanner, LongLinesAreStreamed) {
  for (const std::size_t size : {511U, 512U, 513U, 514U, 2000U}) {
    SCOPED_TRACE(size);
    const std::string filler(size - 11, 'x');  // the line with its end has `size` octets
    const std::string line = "* SEARCH " + filler + "\r\n";
    ASSERT_EQ(line.size(), size);
    check({{line, one("* SEARCH", line)}});
    const std::string literal =
        "* X \"" + std::string(size, '\\') + (size % 2 == 1 ? "\\" : "") + "\" {3}\r\nabc\r\n";
    check({{literal, one("* X", literal)}});
    const std::string opaque = "* OK " + filler + " {3}\r\n";
    EXPECT_EQ(scan_responses_every_way(opaque).size(), 2U);
  }
}

TEST(ResponseScanner, TheEndOfALongLineIsJudged) {
  const std::string filler(1000, 'x');
  check({
      {"* X \"" + filler + " {3}\r\nabc\r\n",
       {"* X", "* X \"" + filler + " {3}\\r", "Lost upstream_malformed"}},
      {"* X " + filler + " {03}\r\nabc\r\n",
       {"* X", "* X " + filler + " {03}\\r", "Lost upstream_malformed"}},
      {"* X {1}\r\na \"{3}\nabc\r\n", {"* X", "* X {1}\\r\\na \"{3}", "Lost upstream_malformed"}},
      {"* X \"" + filler + "\r\n* OK x\r\n",
       {"* X", "* X \"" + filler + "\\r\\n|", "* OK text[x]", "* OK x\\r\\n|"}},
  });
}

TEST(ResponseScanner, AHeadThatIsCutGivesTheSameCodeAndText) {
  const std::string uids(1000, '1');
  const std::string line = "a1 OK [COPYUID 1 " + uids + " 2] Done\r\n";
  check({{line, one("a1 OK code[" + line.substr(7, 512 - 7) + "]", line)}});
  const std::string text = "a1 NO " + uids + "\r\n";
  check({{text, one("a1 NO text[" + text.substr(6, 512 - 6) + "]", text)}});
}

TEST(ResponseScanner, CapabilityLinesAreGatheredWhole) {
  for (const std::string start : {"* CAPABILITY ", "* OK [CAPABILITY ", "* PREAUTH [CAPABILITY ",
                                  "a1 OK [CAPABILITY ", "a1 NO [capability ", "a1 BAD [CAPABILITY "}) {
    SCOPED_TRACE(start);
    const std::string end = start[2] == 'C' ? "\r\n" : "] x\r\n";
    for (const std::size_t size : {600U, 64U * 1024 - 1, 64U * 1024, 64U * 1024 + 1}) {
      SCOPED_TRACE(size);
      const std::string line = start + std::string(size - start.size() - end.size(), 'x') + end;
      ASSERT_EQ(line.size(), size);
      std::vector<Pieces> ways{
          {line}, {line.substr(0, 5), line.substr(5)}, {line.substr(0, 512), line.substr(512)}};
      ways.push_back({line.substr(0, size - 1), line.substr(size - 1)});
      ways.push_back({line.substr(0, 60000 % size), line.substr(60000 % size)});
      for (const Pieces& way : ways) {
        const Events events = scan_responses(way);
        if (size > 64 * 1024) {
          EXPECT_EQ(events, Events{"Lost upstream_line_too_long"});
        } else {
          ASSERT_EQ(events.size(), 2U);
          EXPECT_EQ(events[1], shown(line) + "|");
          if (end.size() > 2) {
            EXPECT_NE(events[0].find("] text[x]"), std::string::npos);
          }
        }
      }
    }
  }
}

TEST(ResponseScanner, ALongCapabilityLineIsFoundWithoutItsEnd) {
  std::size_t most_held = 0;
  const Pieces endless(1000, "* CAPABILITY" + std::string(1000, ' '));
  EXPECT_EQ(scan_responses(endless, &most_held), Events{"Lost upstream_line_too_long"});
  EXPECT_LE(most_held, ResponseScanner::kGatherBytes);
}

TEST(ResponseScanner, ContinuationsAreGatheredWhole) {
  for (const std::size_t over : {0U, 1U}) {
    const std::string challenge(ResponseScanner::kContinuationBytes - 4 + over, 'Q');
    const std::string line = "+ " + challenge + "\r\n";
    for (const Pieces& way : {Pieces{line}, Pieces{line.substr(0, 700), line.substr(700)},
                              Pieces{line.substr(0, line.size() - 1), "\n"}}) {
      const Events events = scan_responses(way);
      if (over > 0) {
        EXPECT_EQ(events, Events{"Lost upstream_line_too_long"});
      } else {
        EXPECT_EQ(events, one("+ text[" + challenge + "]", line));
      }
    }
  }
}

TEST(ResponseScanner, OwnsNoMoreThanAHead) {
  std::size_t most_held = 0;
  Pieces pieces{"* 1 FETCH (X \""};
  for (int i = 0; i < 5000; ++i) pieces.emplace_back("abc");
  pieces.emplace_back("\" Y {3000000}\r\n");
  for (int i = 0; i < 3000; ++i) pieces.emplace_back(1000, 'z');
  pieces.emplace_back(")\r\n");
  const Events events = scan_responses(pieces, &most_held);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(events[1].ends_with("z)\\r\\n|"));
  EXPECT_LE(most_held, ResponseScanner::kHeadBytes);
}

TEST(ResponseScanner, AWholeResponseIsBorrowedInPlaceAsOneRange) {
  const std::string upstream = "* 2 FETCH (X {3}\r\nabc)\r\na1 OK done\r\n";
  ResponseScanner scanner;
  Octets in = upstream;
  ASSERT_EQ(scanner.next(in), ResponseEvent::Head);
  EXPECT_EQ(scanner.octets().data(), upstream.data());
  EXPECT_EQ(scanner.octets().size(), 24U);
  EXPECT_TRUE(scanner.complete());
  ASSERT_EQ(scanner.next(in), ResponseEvent::Head);
  EXPECT_EQ(scanner.response().tag.data(), upstream.data() + 24);
  EXPECT_EQ(scanner.held_octets(), 0U);
}

TEST(ResponseScanner, AHeldHeadIsABoundaryAndAnOpenResponseIsNone) {
  ResponseScanner scanner;
  Octets in = "* 2 FETCH (X ";
  EXPECT_EQ(scanner.next(in), ResponseEvent::NeedMore);
  EXPECT_TRUE(scanner.at_boundary());
  in = "{3}\r\n";
  EXPECT_EQ(scanner.next(in), ResponseEvent::Head);
  EXPECT_FALSE(scanner.at_boundary());
  in = "abc)\r\n";
  EXPECT_EQ(scanner.next(in), ResponseEvent::More);
  EXPECT_TRUE(scanner.at_boundary());
  EXPECT_EQ(scanner.held_octets(), 0U);
}

TEST(ResponseScanner, ReleaseFreesWhatTheLastEventBorrowed) {
  ResponseScanner scanner;
  Octets in = "* OK he";
  EXPECT_EQ(scanner.next(in), ResponseEvent::NeedMore);
  in = "llo\r\n";
  EXPECT_EQ(scanner.next(in), ResponseEvent::Head);
  EXPECT_EQ(scanner.response().text, "hello");
  EXPECT_GT(scanner.held_octets(), 0U);
  scanner.release();
  EXPECT_EQ(scanner.held_octets(), 0U);
}

TEST(ResponseScanner, AfterTheFramingIsLostItStaysLost) {
  ResponseScanner scanner;
  Octets in = "220 mail.example.org ESMTP\r\n* OK hi\r\n";
  EXPECT_EQ(scanner.next(in), ResponseEvent::Malformed);
  EXPECT_EQ(scanner.excerpt(), "220 mail.example");
  in = "* OK hi\r\n";
  EXPECT_EQ(scanner.next(in), ResponseEvent::Malformed);
  EXPECT_EQ(scanner.error(), ErrorCode::UpstreamMalformed);
}

}  // namespace
}  // namespace postern::imap::testing
