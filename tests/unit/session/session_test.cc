// What the dialogues (tests/spec) do not show: the promises that a Session makes to whoever drives it.
#include "session/session.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace postern::session {
namespace {

constexpr Instant kStart{std::chrono::seconds(100)};

class SessionTest : public testing::Test {
 protected:
  SessionTest() { cells_.listeners.resize(1); }

  Session make(config::ListenerTls tls = config::ListenerTls::Off) {
    Environment environment;
    environment.settings = &settings_;
    environment.offer = std::make_shared<const Offer>(make_offer({}, settings_));
    environment.cells = &cells_;
    environment.facts.tls = tls;
    return Session(std::move(environment), filters::make_chain({}), kStart);
  }

  Session logged_in() {
    Session session = make();
    session.input(Side::Client, "a LOGIN alice pa55word\r\n", kStart);
    session.event(UpstreamConnected{}, kStart);
    session.input(Side::Upstream, "* OK [CAPABILITY IMAP4rev1] hello\r\n", kStart);
    session.input(Side::Upstream, "a OK [CAPABILITY IMAP4rev1] in\r\n", kStart);
    while (session.next_action()) continue;
    take(session, Side::Client);
    take(session, Side::Upstream);
    EXPECT_TRUE(session.logged_in());
    return session;
  }

  static std::string take(Session& session, Side side) {
    std::string out;
    Pieces& output = session.output(side);
    while (!output.empty()) {
      out += output.front();
      output.drop(output.front().size());
    }
    session.keep();
    return out;
  }

  std::uint64_t in_state(telemetry::SessionState state) const {
    return cells_.listeners[0].sessions[telemetry::index_of(state)].load();
  }

  config::Settings settings_;
  telemetry::WorkerCells cells_;
};

TEST_F(SessionTest, ForwardsFromWhereTheOctetsLie) {
  Session session = logged_in();
  const std::string input = "a NOOP\r\nb FETCH 1 FLAGS\r\n";
  session.input(Side::Client, input, kStart);
  EXPECT_EQ(session.output(Side::Upstream).front().data(), input.data());
  EXPECT_EQ(session.output(Side::Upstream).front(), input);
}

TEST_F(SessionTest, PassesResponsesFromWhereTheyLie) {
  Session session = logged_in();
  const std::string input = "* 1 FETCH (BODY[] {5}\r\nhello)\r\n* 2 EXISTS\r\n";
  session.input(Side::Upstream, input, kStart);
  EXPECT_EQ(session.output(Side::Client).front().data(), input.data());
  EXPECT_EQ(session.output(Side::Client).front(), input);
}

TEST_F(SessionTest, HoldsNothingWhileItIsIdle) {
  Session session = logged_in();
  session.input(Side::Client, "a NOOP\r\n", kStart);
  session.input(Side::Upstream, "a OK done\r\n", kStart);
  take(session, Side::Client);
  take(session, Side::Upstream);
  EXPECT_EQ(session.buffered(Side::Client), 0U);
  EXPECT_EQ(session.buffered(Side::Upstream), 0U);
  EXPECT_FALSE(session.has_work());
}

TEST_F(SessionTest, JudgesAtMostATurnsCommandsInOneCall) {
  Session session = make();
  std::string input;
  for (int i = 0; i < 100; ++i) input += "t NOOP\r\n";
  session.input(Side::Client, input, kStart);
  EXPECT_EQ(session.commands(), Session::kCommandsPerTurn);
  EXPECT_TRUE(session.has_work());
  EXPECT_FALSE(session.wants_read(Side::Client));
  session.resume(kStart);
  EXPECT_EQ(session.commands(), 100U);
  EXPECT_FALSE(session.has_work());
}

TEST_F(SessionTest, GoesOnFromKeptOctets) {
  Session session = make();
  std::string input;
  for (int i = 0; i < 100; ++i) input += "t NOOP\r\n";
  session.input(Side::Client, input, kStart);
  session.keep();
  input.assign(input.size(), '#');
  session.resume(kStart);
  EXPECT_EQ(session.commands(), 100U);
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "t OK NOOP completed\r\n";
  EXPECT_TRUE(take(session, Side::Client).ends_with(expected));
}

TEST_F(SessionTest, MayBeMoved) {
  Session first = make();
  Session second = std::move(first);
  second.input(Side::Client, "a NOOP\r\n", kStart);
  EXPECT_TRUE(take(second, Side::Client).ends_with("a OK NOOP completed\r\n"));
}

TEST_F(SessionTest, CountsItselfInOneStateAtATime) {
  using telemetry::SessionState;
  {
    Session session = logged_in();
    EXPECT_EQ(in_state(SessionState::Unauthenticated), 0U);
    EXPECT_EQ(in_state(SessionState::Authenticated), 1U);
    session.event(Drain{}, kStart);
    EXPECT_EQ(in_state(SessionState::Authenticated), 0U);
    EXPECT_EQ(in_state(SessionState::Closing), 1U);
  }
  EXPECT_EQ(in_state(SessionState::Closing), 0U);
}

TEST_F(SessionTest, CountsCommandsAndLogins) {
  using telemetry::AuthResult;
  using telemetry::CommandResult;
  const Session session = logged_in();
  const auto& login = cells_.commands[static_cast<std::size_t>(imap::Verb::Login)];
  EXPECT_EQ(login[telemetry::index_of(CommandResult::Ok)].load(), 1U);
  const auto& auth = cells_.listeners[0].auth[static_cast<std::size_t>(imap::Mechanism::Login)];
  EXPECT_EQ(auth[telemetry::index_of(AuthResult::Success)].load(), 1U);
}

TEST_F(SessionTest, DoesNothingMoreOnceItIsClosing) {
  Session session = make();
  session.input(Side::Client, "a LOGOUT\r\n", kStart);
  ASSERT_TRUE(session.closing());
  EXPECT_TRUE(std::holds_alternative<Close>(*session.next_action()));
  const std::size_t said = session.output(Side::Client).size();
  session.input(Side::Client, "b NOOP\r\n", kStart);
  session.event(EndOfFile{Side::Client, false}, kStart);
  session.tick(kStart + std::chrono::hours(24));
  session.resume(kStart);
  EXPECT_EQ(session.output(Side::Client).size(), said);
  EXPECT_FALSE(session.next_action().has_value());
  EXPECT_FALSE(session.deadline().has_value());
}

TEST_F(SessionTest, MayHoldSecretsUntilItIsLoggedIn) {
  EXPECT_TRUE(make().may_hold_secrets());
  EXPECT_FALSE(logged_in().may_hold_secrets());
}

TEST_F(SessionTest, IgnoresEventsThatNobodyAsksFor) {
  Session session = make();
  const std::string before = take(session, Side::Client);
  session.event(UpstreamConnected{}, kStart);
  session.event(UpstreamFailed{}, kStart);
  session.event(Answered{1, {true, {}}}, kStart);
  session.event(Penalty{std::chrono::seconds(1)}, kStart);
  session.event(EndOfFile{Side::Upstream, false}, kStart);
  EXPECT_EQ(take(session, Side::Client), "");
  EXPECT_FALSE(session.next_action().has_value());
  EXPECT_FALSE(session.closing());
}

}  // namespace
}  // namespace postern::session
