#include "session/login/upstream_setup.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace postern::session {
namespace {

using config::UpstreamTls;

// What the machine did: what it sent and asked for, in order.
struct Course {
  std::string log;
  SetupStep last = SetupStep::NeedInput;
  ErrorCode error = ErrorCode::Ok;
  imap::CapabilityList capabilities;
  std::string rest;  // not consumed
  std::string state;
};

class Driver {
 public:
  explicit Driver(UpstreamTls tls, std::string id = {}) : setup_(tls, "T", std::move(id)) {
    take(setup_.begin());
  }

  // One part of the upstream's words, in memory of its own.
  void say(const std::string& words) {
    const std::string memory = words;
    Octets in = memory;
    if (course_.last == SetupStep::Ready || course_.last == SetupStep::Failed) {
      course_.rest += words;
      return;
    }
    take(setup_.input(in));
    course_.rest += in;
  }

  Course course() {
    course_.error = setup_.error();
    course_.capabilities = setup_.capabilities();
    course_.state = setup_.state();
    return course_;
  }

 private:
  void take(SetupStep step) {
    course_.log += std::exchange(setup_.output(), {});
    course_.last = step;
    if (step != SetupStep::StartTls) return;
    course_.log += "<tls>";
    course_.last = setup_.tls_ready();
    course_.log += std::exchange(setup_.output(), {});
  }

  UpstreamSetup setup_;
  Course course_;
};

Course play(UpstreamTls tls, const std::vector<std::string>& words, const std::string& id = {}) {
  Driver driver(tls, id);
  for (const std::string& each : words) driver.say(each);
  return driver.course();
}

void expect_same(const Course& a, const Course& b, const std::string& how) {
  EXPECT_EQ(a.log, b.log) << how;
  EXPECT_EQ(a.last, b.last) << how;
  EXPECT_EQ(a.error, b.error) << how;
  EXPECT_EQ(a.capabilities, b.capabilities) << how;
  if (a.last == SetupStep::Ready) {  // a connection that failed is of no use to anybody
    EXPECT_EQ(a.rest, b.rest) << how;
  }
  EXPECT_EQ(a.state, b.state) << how;
}

// The course with each of the words in one piece; cut anywhere it has to be the same.
Course play_in_all_ways(UpstreamTls tls, const std::vector<std::string>& words, const std::string& id = {}) {
  const Course whole = play(tls, words, id);
  std::vector<std::string> octets;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::size_t cut = 1; cut < words[i].size(); ++cut) {
      std::vector<std::string> split = words;
      split[i] = words[i].substr(0, cut);
      split.insert(split.begin() + static_cast<std::ptrdiff_t>(i) + 1, words[i].substr(cut));
      expect_same(whole, play(tls, split, id),
                  "word " + std::to_string(i) + " cut behind " + std::to_string(cut));
    }
    for (const char c : words[i]) octets.emplace_back(1, c);
  }
  expect_same(whole, play(tls, octets, id), "octet by octet");
  return whole;
}

TEST(UpstreamSetup, IsReadyWithAGreetingThatListsCapabilities) {
  const Course course = play_in_all_ways(UpstreamTls::Off, {"* OK [CAPABILITY IMAP4rev1 IDLE] hello\r\n"});
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.log, "");
  EXPECT_EQ(course.capabilities, (imap::CapabilityList{"IMAP4rev1", "IDLE"}));
  EXPECT_EQ(course.state, "sent nothing, received greeting");
}

TEST(UpstreamSetup, AsksWhereTheGreetingListsNothing) {
  const Course course =
      play_in_all_ways(UpstreamTls::Off, {"* OK hello\r\n", "* CAPABILITY IMAP4rev1\r\nTc OK done\r\n"});
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.log, "Tc CAPABILITY\r\n");
  EXPECT_EQ(course.state, "sent capability, received capability");
}

TEST(UpstreamSetup, StartsTlsAndAsksAgain) {
  const Course course = play_in_all_ways(UpstreamTls::Starttls,
                                         {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", "Ts OK begin\r\n",
                                          "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTsc OK done\r\n"});
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.log, "Ts STARTTLS\r\n<tls>Tsc CAPABILITY\r\n");
  EXPECT_EQ(course.capabilities, (imap::CapabilityList{"IMAP4rev1", "AUTH=PLAIN"}));
}

TEST(UpstreamSetup, StartsTlsFirstWhereItIsImplicit) {
  const Course course = play_in_all_ways(UpstreamTls::Implicit, {"* OK [CAPABILITY IMAP4rev1] hello\r\n"});
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.log, "<tls>");
}

TEST(UpstreamSetup, TellsWhomItSpeaksForLast) {
  const std::vector<std::string> words{"* OK [CAPABILITY IMAP4rev1 STARTTLS ID] hello\r\n", "Ts OK begin\r\n",
                                       "* CAPABILITY IMAP4rev1 ID\r\nTsc OK done\r\n",
                                       "* ID (\"name\" {4}\r\nCyrs)\r\nTsci OK done\r\n"};
  const Course course = play_in_all_ways(UpstreamTls::Starttls, words, "(\"a\" \"b\")");
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.log, "Ts STARTTLS\r\n<tls>Tsc CAPABILITY\r\nTsci ID (\"a\" \"b\")\r\n");
  EXPECT_EQ(course.state, "sent id, received id");
}

TEST(UpstreamSetup, TellsNothingWhereThereIsNoId) {
  const Course course =
      play_in_all_ways(UpstreamTls::Off, {"* OK [CAPABILITY IMAP4rev1 IDLE] hello\r\n"}, "(\"a\" \"b\")");
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.log, "");
}

TEST(UpstreamSetup, IsReadyAfterAnIdThatWasRefused) {
  for (const std::string answer : {"NO not here", "BAD what"}) {
    const Course course = play_in_all_ways(
        UpstreamTls::Off, {"* OK [CAPABILITY IMAP4rev1 ID] hello\r\n", "Ti " + answer + "\r\n"},
        "(\"a\" \"b\")");
    EXPECT_EQ(course.last, SetupStep::Ready);
  }
}

TEST(UpstreamSetup, FailsWithAByeToAnId) {
  const Course course = play_in_all_ways(
      UpstreamTls::Off, {"* OK [CAPABILITY IMAP4rev1 ID] hello\r\n", "* BYE Fatal error\r\n"},
      "(\"a\" \"b\")");
  EXPECT_EQ(course.last, SetupStep::Failed);
  EXPECT_EQ(course.error, ErrorCode::UpstreamBye);
}

TEST(UpstreamSetup, LeavesWhatStandsBehindReady) {
  const Course course =
      play_in_all_ways(UpstreamTls::Off, {"* OK [CAPABILITY IMAP4rev1] hello\r\n* OK [ALERT] mind\r\n"});
  EXPECT_EQ(course.last, SetupStep::Ready);
  EXPECT_EQ(course.rest, "* OK [ALERT] mind\r\n");
}

TEST(UpstreamSetup, FailsWithAStrippedStarttls) {
  const Course course =
      play_in_all_ways(UpstreamTls::Starttls, {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"});
  EXPECT_EQ(course.error, ErrorCode::UpstreamStarttls);
  EXPECT_EQ(course.log, "");
}

TEST(UpstreamSetup, FailsWithARefusedStarttls) {
  for (const char* verdict : {"Ts NO no\r\n", "Ts BAD what\r\n"}) {
    const Course course =
        play_in_all_ways(UpstreamTls::Starttls, {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", verdict});
    EXPECT_EQ(course.error, ErrorCode::UpstreamStarttls);
    EXPECT_EQ(course.log, "Ts STARTTLS\r\n");
  }
}

// CVE-2020-14954 and its family: they would be read inside TLS.
TEST(UpstreamSetup, FailsWithOctetsBehindTheOkOfStarttls) {
  const std::string greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n";
  for (const char* behind : {"x", "\n", "* OK\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTsc OK\r\n"}) {
    const Course course = play(UpstreamTls::Starttls, {greeting, std::string("Ts OK begin\r\n") + behind});
    EXPECT_EQ(course.last, SetupStep::Failed) << behind;
    EXPECT_EQ(course.error, ErrorCode::UpstreamStarttls) << behind;
  }
}

// The line goes on: its rest would be read inside TLS.
TEST(UpstreamSetup, FailsWhereTheOkOfStarttlsDoesNotEnd) {
  const Course course = play(UpstreamTls::Starttls, {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n",
                                                     "Ts OK " + std::string(600, 'x')});
  EXPECT_EQ(course.error, ErrorCode::UpstreamStarttls);
}

TEST(UpstreamSetup, FailsWithOctetsBeforeTheHandshakeIsDone) {
  UpstreamSetup setup(UpstreamTls::Implicit, "T");
  EXPECT_EQ(setup.begin(), SetupStep::StartTls);
  Octets in = "* OK hello\r\n";
  EXPECT_EQ(setup.input(in), SetupStep::Failed);
  EXPECT_EQ(setup.error(), ErrorCode::UpstreamStarttls);
  EXPECT_EQ(setup.input(in), SetupStep::Failed);
}

struct BadGreeting {
  const char* words;
  ErrorCode error;
};

TEST(UpstreamSetup, FailsWithWhatIsNoGreeting) {
  const BadGreeting greetings[] = {{"* PREAUTH [CAPABILITY IMAP4rev1] in\r\n", ErrorCode::UpstreamPreauth},
                                   {"* BYE too many\r\n", ErrorCode::UpstreamBye},
                                   {"* NO what\r\n", ErrorCode::UpstreamGreeting},
                                   {"* 5 EXISTS\r\n", ErrorCode::UpstreamGreeting},
                                   {"+ go\r\n", ErrorCode::UpstreamGreeting},
                                   {"Tc OK hello\r\n", ErrorCode::UpstreamGreeting},
                                   {"220 mail ESMTP\r\n", ErrorCode::UpstreamGreeting},
                                   {"\r\n", ErrorCode::UpstreamGreeting}};
  for (const UpstreamTls tls : {UpstreamTls::Off, UpstreamTls::Starttls, UpstreamTls::Implicit}) {
    for (const BadGreeting& greeting : greetings) {
      const Course course = play_in_all_ways(tls, {greeting.words});
      EXPECT_EQ(course.last, SetupStep::Failed) << greeting.words;
      EXPECT_EQ(course.error, greeting.error) << greeting.words;
    }
  }
}

TEST(UpstreamSetup, FailsWithAnAnswerToSomethingElse) {
  const Course course = play_in_all_ways(UpstreamTls::Off, {"* OK hello\r\n", "a1 OK in\r\n"});
  EXPECT_EQ(course.error, ErrorCode::UpstreamUnknownTag);
}

TEST(UpstreamSetup, FailsWhereNoListIsGiven) {
  for (const char* answer : {"Tc OK done\r\n", "Tc NO no\r\n", "+ go\r\n", "* BYE\r\n"}) {
    const Course course = play_in_all_ways(UpstreamTls::Off, {"* OK hello\r\n", answer});
    EXPECT_EQ(course.last, SetupStep::Failed) << answer;
  }
}

TEST(UpstreamSetup, GivesUpOnAFlood) {
  const auto flood = [](int lines) {
    std::string words;
    for (int i = 0; i < lines; ++i) words += "* OK still busy\r\n";
    return play(UpstreamTls::Off, {"* OK hello\r\n", words}).last;
  };
  EXPECT_EQ(flood(100), SetupStep::NeedInput);
  EXPECT_EQ(flood(101), SetupStep::Failed);
}

TEST(UpstreamSetup, HandsItsScannerOn) {
  UpstreamSetup setup(UpstreamTls::Off, "T");
  Octets in = "* OK [CAPABILITY IMAP4rev1] hello\r\n";
  ASSERT_EQ(setup.input(in), SetupStep::Ready);
  imap::ResponseScanner scanner = setup.take_scanner();
  in = "* 5 EXISTS\r\n";
  EXPECT_EQ(scanner.next(in), imap::ResponseEvent::Head);
  EXPECT_EQ(scanner.response().number, 5U);
}

}  // namespace
}  // namespace postern::session
