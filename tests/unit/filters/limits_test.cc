#include "filters/limits.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "filters/chain.h"
#include "unit/filters/ledger_double.h"

namespace postern::filters {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::LedgerDouble;

const Instant kStart = instant_from_ns(5'000'000'000'000);

// One session of a user behind the chain that the product builds.
class Visitor {
 public:
  Visitor(const config::Settings& settings, Ledger& ledger, std::string user)
      : ledger_(ledger), chain_(make_chain({&settings, nullptr, &ledger})), user_(std::move(user)) {}

  Decision asks() { return chain_.on_login(imap::Verb::Login, context(kStart)); }
  Decision enters() {
    EXPECT_TRUE(chain_.wants_seat());
    const Decision decision = chain_.on_seat(ledger_.seat_user(user_), context(kStart));
    logged_in_ = decision.ruling == Ruling::Pass;
    return decision;
  }
  Decision says(Instant now, Octets tag = "a") {
    imap::Command command;
    command.verb = imap::Verb::Noop;
    command.name = "NOOP";
    command.tag = tag;
    if (tag.empty()) command.piece = imap::Piece::Later;
    command.text = "a NOOP";
    return chain_.on_command(command, context(now));
  }
  Decision goes_on(Instant now) {
    chain_.resume();
    return says(now);
  }

 private:
  Context context(Instant now) const {
    Context context{facts_, tls_, user_, logged_in_};
    context.now = now;
    return context;
  }
  Ledger& ledger_;
  Chain chain_;
  std::string user_;
  SessionFacts facts_;
  TlsFacts tls_;
  bool logged_in_ = false;
};

class SessionLimitsTest : public ::testing::Test {
 protected:
  Visitor visitor(const std::string& user = "alice") {
    ledger_.limits = settings_.limits;
    return {settings_, ledger_, user};
  }
  config::Settings settings_;
  LedgerDouble ledger_{{}};
};

TEST_F(SessionLimitsTest, SeatsTheLastSessionAndRefusesTheNext) {
  settings_.limits.sessions_per_user = 2;
  Visitor first = visitor();
  Visitor second = visitor("ALICE");
  Visitor third = visitor();
  EXPECT_EQ(first.enters().ruling, Ruling::Pass);
  EXPECT_EQ(third.asks().ruling, Ruling::Pass) << "there is one seat left";
  EXPECT_EQ(second.enters().ruling, Ruling::Pass);
  const Decision early = third.asks();
  EXPECT_EQ(early.ruling, Ruling::Deny);
  EXPECT_EQ(early.code, ErrorCode::TooManySessions);
  EXPECT_EQ(early.response_code, "LIMIT");
  const Decision late = third.enters();
  EXPECT_EQ(late.ruling, Ruling::Deny) << "the seat was taken between the question and the verdict";
  EXPECT_EQ(late.code, ErrorCode::TooManySessions);
  EXPECT_EQ(visitor("bob").enters().ruling, Ruling::Pass);
}

TEST_F(SessionLimitsTest, AskingTakesNoSeatAndTheEndGivesItBack) {
  settings_.limits.sessions_per_user = 1;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(visitor().asks().ruling, Ruling::Pass);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(visitor().enters().ruling, Ruling::Pass);
  EXPECT_EQ(ledger_.users["ALICE"].sessions, 0U);
}

TEST_F(SessionLimitsTest, DelaysWhatIsFasterThanTheSessionMayBe) {
  settings_.limits.commands_per_session = 4;
  Visitor one = visitor();
  Visitor other = visitor();
  one.enters();
  other.enters();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(one.says(kStart).ruling, Ruling::Pass) << i;
  const Decision delayed = one.says(kStart);
  EXPECT_EQ(delayed.ruling, Ruling::Delay);
  EXPECT_EQ(delayed.until, kStart + milliseconds(250));
  EXPECT_EQ(one.goes_on(delayed.until).ruling, Ruling::Pass) << "it has had its turn";
  EXPECT_EQ(one.says(delayed.until).until, kStart + milliseconds(500));
  EXPECT_EQ(other.says(kStart).ruling, Ruling::Pass);
}

TEST_F(SessionLimitsTest, DelaysWhatIsFasterThanTheUserMayBe) {
  settings_.limits.commands_per_user = 2;
  Visitor one = visitor();
  Visitor other = visitor();
  one.enters();
  other.enters();
  EXPECT_EQ(one.says(kStart).ruling, Ruling::Pass);
  EXPECT_EQ(other.says(kStart).ruling, Ruling::Pass);
  EXPECT_EQ(one.says(kStart).until, kStart + milliseconds(500));
  EXPECT_EQ(other.says(kStart).until, kStart + seconds(1));
  Visitor bob = visitor("bob");
  bob.enters();
  EXPECT_EQ(bob.says(kStart).ruling, Ruling::Pass);
}

TEST_F(SessionLimitsTest, TheStricterOfBothRatesHolds) {
  settings_.limits.commands_per_session = 1;
  settings_.limits.commands_per_user = 10;
  Visitor one = visitor();
  one.enters();
  EXPECT_EQ(one.says(kStart).ruling, Ruling::Pass);
  EXPECT_EQ(one.says(kStart).until, kStart + seconds(1));
}

TEST_F(SessionLimitsTest, LaterPartsOfACommandAndTheTimeBeforeLoginCostNothing) {
  settings_.limits.commands_per_session = 1;
  Visitor one = visitor();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.says(kStart).ruling, Ruling::Pass);
  one.enters();
  EXPECT_EQ(one.says(kStart).ruling, Ruling::Pass);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.says(kStart, "").ruling, Ruling::Pass);
}

TEST_F(SessionLimitsTest, WithoutLimitsNothingWaits) {
  Visitor one = visitor();
  one.enters();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(one.says(kStart).ruling, Ruling::Pass);
}

}  // namespace
}  // namespace postern::filters
