#include "filters/brake.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "filters/chain.h"
#include "imap/command_scanner.h"
#include "unit/filters/ledger_double.h"

namespace postern::filters {
namespace {

using std::chrono::minutes;
using testing::LedgerDouble;

const Instant kStart = instant_from_ns(5'000'000'000'000);

// One logged-in session behind the chain that the product builds, with the lines that its client says.
class BrakeTest : public ::testing::Test {
 protected:
  BrakeTest() {
    settings_.limits.deletions = {10, minutes(10)};
    begin("alice");
  }
  void begin(const std::string& user) {
    user_ = user;
    ledger_.limits = settings_.limits;
    chain_ = make_chain({&settings_, nullptr, &ledger_});
    ASSERT_EQ(chain_.on_seat(ledger_.seat_user(user_), context()).ruling, Ruling::Pass);
    selected_ = {"Drafts", false};
  }
  Context context() const {
    Context context{facts_, tls_, user_, true};
    context.selected = has_selected_ ? &selected_ : nullptr;
    context.upstream = upstream_;
    context.now = now_;
    return context;
  }

  // Judges a command; `count`: what the upstream answers if it is asked.
  std::string judged(const std::string& line, std::optional<std::uint64_t> count = std::nullopt,
                     imap::Status status = imap::Status::Ok) {
    const std::string text = "a " + line + "\r\n";
    imap::CommandScanner scanner({});
    Octets in = text;
    const imap::CommandEvent event = scanner.next(in);
    EXPECT_EQ(event, imap::CommandEvent::Head) << line;
    imap::Command& command = scanner.command();
    Decision decision = chain_.on_command(command, context());
    std::string asked;
    for (times_asked_ = 0; decision.ruling == Ruling::Ask && times_asked_ < 5; ++times_asked_) {
      std::string question;
      for (const std::string& chunk : decision.question->chunks) question += "[" + chunk + "]";
      EXPECT_TRUE(asked.empty() || asked == question + " ") << "not the same question: " << question;
      asked = question + " ";
      const bool is_first = times_asked_ == 0 && first_count_;
      chain_.answer({status, is_first ? first_count_ : count}, context());
      decision = chain_.on_command(command, context());
    }
    const bool passed = decision.ruling == Ruling::Pass;
    chain_.on_verdict(command, {passed, decision.code}, context());
    if (passed) return asked + "passed";
    EXPECT_EQ(decision.ruling, Ruling::Deny);
    return asked + std::string(decision.response_code) + " " + std::string(label_of(decision.code));
  }
  // The question alone.
  std::string question(const std::string& line) {
    const std::string all = judged(line, 0);
    return all.starts_with('[') ? all.substr(0, all.find("] ") + 1) : all;
  }

  config::Settings settings_;
  LedgerDouble ledger_{{}};
  Chain chain_;
  std::string user_;
  SessionFacts facts_;
  TlsFacts tls_;
  SelectedMailbox selected_;
  bool has_selected_ = true;
  std::optional<std::uint64_t> first_count_;  // where the upstream answers otherwise when it is asked again
  int times_asked_ = 0;
  UpstreamAbilities upstream_;
  Instant now_ = kStart;
};

TEST_F(BrakeTest, AsksHowManyMessagesAreMeant) {
  const std::pair<const char*, const char*> kTable[] = {
      {"STORE 1:5 +FLAGS (\\Deleted)", "[SEARCH 1:5 UNDELETED]"},
      {"store 1:5,7,9:* +flags.silent \\DELETED", "[SEARCH 1:5,7,9:* UNDELETED]"},
      {"STORE 2 FLAGS (\\Seen \\Deleted)", "[SEARCH 2 UNDELETED]"},
      {"STORE 2 (UNCHANGEDSINCE 7) FLAGS.SILENT (\\Deleted)", "[SEARCH 2 UNDELETED]"},
      {"UID STORE 1:5,10:20 +FLAGS (\\Deleted)", "[UID SEARCH UID 1:5,10:20 UNDELETED]"},
      {"UID STORE $ +FLAGS (\\Deleted)", "[UID SEARCH UID $ UNDELETED]"},
      {"STORE $ +FLAGS (\\Deleted)", "[SEARCH $ UNDELETED]"},
      {"STORE 1 +X-GM-LABELS (\\Trash)", "[SEARCH 1]"},
      {"STORE 1:2 (UNCHANGEDSINCE 7) -x-gm-labels (work)", "[SEARCH 1:2]"},
      {"UID STORE 4 X-GM-LABELS.SILENT ()", "[UID SEARCH UID 4]"},
      {"MOVE 1:3 Trash", "[SEARCH 1:3]"},
      {"UID MOVE 1:3,* Trash", "[UID SEARCH UID 1:3,*]"},
      {"EXPUNGE", "[SEARCH DELETED]"},
      {"CLOSE", "[SEARCH DELETED]"},
      {"UID EXPUNGE 3:5", "[UID SEARCH UID 3:5 DELETED]"},
      {"DELETE Archive", "[STATUS \"Archive\" (MESSAGES)]"},
      {"DELETE \"Old \\\"mail\\\"\"", "[STATUS \"Old \\\"mail\\\"\" (MESSAGES)]"},
      {"DELETE {7+}\r\nArch\"ve", "[STATUS \"Arch\\\"ve\" (MESSAGES)]"},
      {"DELETE {4+}\r\nA\xc3\xb6z", "[STATUS {4}\r\n][A\xc3\xb6z (MESSAGES)]"},
      {"RENAME INBOX Elsewhere", "[STATUS \"INBOX\" (MESSAGES)]"},
      {"RENAME \"inbox\" Elsewhere", "[STATUS \"inbox\" (MESSAGES)]"},
  };
  for (const auto& [line, expected] : kTable) EXPECT_EQ(question(line), expected) << line;
}

TEST_F(BrakeTest, ShortensTheAnswerWhereTheUpstreamCan) {
  upstream_.esearch = true;
  EXPECT_EQ(question("STORE 1 +FLAGS (\\Deleted)"), "[SEARCH RETURN (COUNT) 1 UNDELETED]");
  EXPECT_EQ(question("UID MOVE 4 Trash"), "[UID SEARCH RETURN (COUNT) UID 4]");
  EXPECT_EQ(question("DELETE Archive"), "[STATUS \"Archive\" (MESSAGES)]");
  upstream_.uid_only = true;
  EXPECT_EQ(question("EXPUNGE"), "[UID SEARCH RETURN (COUNT) DELETED]");
}

TEST_F(BrakeTest, WhatMakesNothingVanishPassesUnasked) {
  for (const char* line :
       {"STORE 1:* +FLAGS (\\Seen)", "STORE 1:* -FLAGS (\\Deleted)", "STORE 1:* FLAGS ()",
        "UID STORE 1:* +FLAGS.SILENT (deleted)", "COPY 1:* Trash", "RENAME Archive Old", "CREATE x", "NOOP",
        "FETCH 1:* FLAGS", "SETACL INBOX bob lrs", "UNSELECT", "SELECT INBOX", "LOGOUT"})
    EXPECT_EQ(judged(line), "passed") << line;
  EXPECT_EQ(ledger_.charged("alice"), 0U);
}

TEST_F(BrakeTest, AReadOnlyMailboxLosesNothingByExpungeOrClose) {
  selected_.read_only = true;
  EXPECT_EQ(judged("CLOSE"), "passed");
  EXPECT_EQ(judged("EXPUNGE"), "passed");
  EXPECT_EQ(judged("UID EXPUNGE 1:5"), "passed");
  EXPECT_EQ(judged("MOVE 1 Trash", 1), "[SEARCH 1] passed");
}

TEST_F(BrakeTest, ACloseThatKeepsMailIsNotCounted) {
  struct Keeper final : Filter {
    Decision on_command(imap::Command& command, const Context&) override {
      return command.verb == imap::Verb::Close ? Decision::rewrite(Rewriting::KeepMail) : Decision::pass();
    }
  };
  std::vector<std::unique_ptr<Filter>> filters = make_filters({&settings_, nullptr, &ledger_});
  filters.insert(filters.end() - 1, std::make_unique<Keeper>());
  chain_ = Chain(std::move(filters));
  ASSERT_EQ(chain_.on_seat(ledger_.seat_user(user_), context()).ruling, Ruling::Pass);
  const std::string text = "a CLOSE\r\n";
  imap::CommandScanner scanner({});
  Octets in = text;
  ASSERT_EQ(scanner.next(in), imap::CommandEvent::Head);
  EXPECT_EQ(chain_.on_command(scanner.command(), context()).ruling, Ruling::Rewrite);
}

TEST_F(BrakeTest, WhatDoesNotGoIsNotCharged) {
  const std::string text = "a REPLACE 1 x {1}\r\n";
  imap::CommandScanner scanner({});
  Octets in = text;
  ASSERT_EQ(scanner.next(in), imap::CommandEvent::Head);
  EXPECT_EQ(chain_.on_command(scanner.command(), context()).ruling, Ruling::Pass);
  EXPECT_EQ(ledger_.charged("alice"), 1U);
  chain_.on_verdict(scanner.command(), {false, ErrorCode::AuditUnavailable}, context());
  EXPECT_EQ(ledger_.charged("alice"), 0U);
  chain_.on_verdict(scanner.command(), {false, ErrorCode::AuditUnavailable}, context());
  EXPECT_EQ(ledger_.charged("alice"), 0U) << "once";
}

TEST_F(BrakeTest, WithoutASelectedMailboxItAsksAllTheSame) {
  has_selected_ = false;
  EXPECT_EQ(judged("EXPUNGE", std::nullopt, imap::Status::Bad),
            "[SEARCH DELETED] UNAVAILABLE brake_uncounted");
}

TEST_F(BrakeTest, LetsUpToTheLimitVanishAndNotOneMore) {
  EXPECT_EQ(judged("MOVE 1:9 Trash", 9), "[SEARCH 1:9] passed");
  EXPECT_EQ(judged("MOVE 1:2 Trash", 2), "[SEARCH 1:2] LIMIT brake");
  EXPECT_EQ(judged("MOVE 1 Trash", 1), "[SEARCH 1] passed");
  EXPECT_EQ(judged("MOVE 1 Trash", 1), "[SEARCH 1] LIMIT brake");
  EXPECT_EQ(judged("MOVE 99 Trash", 0), "[SEARCH 99] passed") << "it would move nothing";
  EXPECT_EQ(ledger_.charged("alice"), 10U);
  now_ += minutes(10);
  EXPECT_EQ(judged("MOVE 1:10 Trash", 10), "[SEARCH 1:10] passed");
}

TEST_F(BrakeTest, MarksAreChargedOnce) {
  EXPECT_EQ(judged("STORE 1:4 +FLAGS (\\Deleted)", 4), "[SEARCH 1:4 UNDELETED] passed");
  EXPECT_EQ(judged("STORE 1:4 +FLAGS (\\Deleted)", 0), "[SEARCH 1:4 UNDELETED] passed");
  EXPECT_EQ(judged("UID EXPUNGE 1:2", 2), "[UID SEARCH UID 1:2 DELETED] passed");
  EXPECT_EQ(judged("EXPUNGE", 2), "[SEARCH DELETED] passed");
  EXPECT_EQ(ledger_.charged("alice"), 4U);
  EXPECT_EQ(judged("EXPUNGE", 6), "[SEARCH DELETED] passed") << "others have marked these";
  EXPECT_EQ(judged("EXPUNGE", 1), "[SEARCH DELETED] LIMIT brake");
  EXPECT_EQ(ledger_.charged("alice"), 10U);
}

TEST_F(BrakeTest, ExpungeChargesWhatOthersHaveMarked) {
  EXPECT_EQ(judged("STORE 1:4 +FLAGS (\\Deleted)", 4), "[SEARCH 1:4 UNDELETED] passed");
  EXPECT_EQ(judged("EXPUNGE", 11), "[SEARCH DELETED] LIMIT brake");
  EXPECT_EQ(judged("CLOSE", 10), "[SEARCH DELETED] passed");
  EXPECT_EQ(ledger_.charged("alice"), 10U);
}

// Dovecot tells of other sessions' marks behind its answer, and expunges them then.
TEST_F(BrakeTest, AnExpungeIsCountedAgainWhenTheUpstreamHasLookedAround) {
  first_count_ = 0;
  for (const char* line : {"EXPUNGE", "CLOSE", "UID EXPUNGE 1:*"}) {
    EXPECT_TRUE(judged(line, 11).ends_with(" LIMIT brake")) << line;
    EXPECT_EQ(times_asked_, 2) << line;
  }
  EXPECT_EQ(judged("EXPUNGE", 10), "[SEARCH DELETED] passed");
  EXPECT_EQ(ledger_.charged("alice"), 10U);
  first_count_.reset();
  judged("MOVE 1 Trash", 1);
  EXPECT_EQ(times_asked_, 1);
  judged("EXPUNGE", std::nullopt);
  EXPECT_EQ(times_asked_, 1) << "what cannot be counted is not asked again";
}

TEST_F(BrakeTest, MarksOfAnotherMailboxPayForNothing) {
  for (const char* leaves : {"SELECT INBOX", "EXAMINE INBOX", "UNSELECT"}) {
    begin("alice of " + std::string(leaves));
    judged("STORE 1:4 +FLAGS (\\Deleted)", 4);
    judged(leaves);
    EXPECT_EQ(judged("EXPUNGE", 7), "[SEARCH DELETED] LIMIT brake") << leaves;
    EXPECT_EQ(judged("EXPUNGE", 6), "[SEARCH DELETED] passed") << leaves;
  }
}

TEST_F(BrakeTest, LabelsAndMovesLeaveNoMarks) {
  judged("STORE 1:2 +X-GM-LABELS (\\Trash)", 2);
  judged("MOVE 1:2 Trash", 2);
  EXPECT_EQ(judged("EXPUNGE", 7), "[SEARCH DELETED] LIMIT brake");
}

TEST_F(BrakeTest, ARefusedMarkIsNoCredit) {
  EXPECT_EQ(judged("STORE 1:11 +FLAGS (\\Deleted)", 11), "[SEARCH 1:11 UNDELETED] LIMIT brake");
  EXPECT_EQ(judged("EXPUNGE", 11), "[SEARCH DELETED] LIMIT brake");
  EXPECT_EQ(ledger_.charged("alice"), 0U);
}

TEST_F(BrakeTest, WhatCannotBeCountedIsRefused) {
  EXPECT_EQ(judged("EXPUNGE", std::nullopt), "[SEARCH DELETED] UNAVAILABLE brake_uncounted");
  EXPECT_EQ(judged("EXPUNGE", 3, imap::Status::No), "[SEARCH DELETED] UNAVAILABLE brake_uncounted");
  EXPECT_EQ(judged("EXPUNGE", 3, imap::Status::None), "[SEARCH DELETED] UNAVAILABLE brake_uncounted");
  EXPECT_EQ(judged("DELETE Nowhere", std::nullopt, imap::Status::No),
            "[STATUS \"Nowhere\" (MESSAGES)] UNAVAILABLE brake_uncounted");
  EXPECT_EQ(ledger_.uncounted, 4);
  EXPECT_EQ(ledger_.charged("alice"), 0U);
}

TEST_F(BrakeTest, WhatCannotBeReadIsRefusedUnasked) {
  for (const char* line :
       {"STORE 1:: +FLAGS (\\Deleted)", "STORE 1,,2 +FLAGS (\\Deleted)", "STORE 0 +FLAGS (\\Deleted)",
        "STORE 01 +FLAGS (\\Deleted)", "STORE 1:2:3 +FLAGS (\\Deleted)", "STORE $,1 +FLAGS (\\Deleted)",
        "STORE 1 +FLAGS \"\\\\Deleted\"", "STORE 1 FOO (\\Deleted)", "MOVE x Trash", "MOVE 1;2 Trash",
        "UID EXPUNGE 1:", "UID EXPUNGE 1 2", "UID EXPUNGE \"1\"", "UID EXPUNGE", "DELETE", "DELETE a b"})
    EXPECT_EQ(judged(line, 1), "CANNOT cannot") << line;
  EXPECT_EQ(ledger_.charged("alice"), 0U);
}

TEST_F(BrakeTest, ReplaceCostsOneMessage) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(judged("REPLACE 4 INBOX {5}"), "passed");
  EXPECT_EQ(judged("UID REPLACE 4 INBOX {5}"), "LIMIT brake");
}

TEST_F(BrakeTest, AnswersBelongToOneCommand) {
  EXPECT_EQ(judged("MOVE 1:3 Trash", 3), "[SEARCH 1:3] passed");
  EXPECT_EQ(judged("MOVE 4:6 Trash", std::nullopt), "[SEARCH 4:6] UNAVAILABLE brake_uncounted");
}

TEST_F(BrakeTest, SessionsOfAUserShareTheBrakeAndHiddenOnesDoNot) {
  judged("MOVE 1:6 Trash", 6);
  begin("Alice");
  EXPECT_EQ(judged("MOVE 1:5 Trash", 5), "[SEARCH 1:5] LIMIT brake");
  begin("");
  EXPECT_EQ(judged("MOVE 1:10 Trash", 10), "[SEARCH 1:10] passed");
  EXPECT_EQ(judged("MOVE 1 Trash", 1), "[SEARCH 1] LIMIT brake");
}

TEST_F(BrakeTest, WithoutALimitNothingIsAsked) {
  settings_.limits.deletions.messages = 0;
  begin("alice");
  for (const char* line : {"EXPUNGE", "STORE 1:* +FLAGS (\\Deleted)", "MOVE x y", "DELETE INBOX"})
    EXPECT_EQ(judged(line), "passed") << line;
}

TEST_F(BrakeTest, ALimitThatComesAtAReloadHoldsForSessionsThatRun) {
  settings_.limits.deletions.messages = 0;
  begin("alice");
  EXPECT_EQ(judged("EXPUNGE"), "passed");
  ledger_.limits.deletions.messages = 2;
  EXPECT_EQ(judged("EXPUNGE", 3), "[SEARCH DELETED] LIMIT brake");
}

}  // namespace
}  // namespace postern::filters
