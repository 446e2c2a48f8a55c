#include "process/services.h"

#include <gtest/gtest.h>

#include <utility>

#include "unit/filters/ledger_double.h"
#include "unit/relay/fake_trail.h"

namespace postern::server {
namespace {

struct Waiter final : Asker {
  void answered(std::uint64_t id, asked::Answer answer) noexcept override { last = {id, answer.granted}; }
  std::pair<std::uint64_t, bool> last{0, false};
};

asked::Record record(bool outcome) {
  auto intent = std::make_unique<audit::Record>();
  intent->connection = std::make_shared<audit::Connection>();
  return {std::move(intent), outcome};
}

TEST(WorkerServices, GiveASeatAtOnceUntilThereAreTooMany) {
  config::Limits limits;
  limits.sessions_per_user = 1;
  testing::LedgerDouble ledger(limits);
  WorkerServices services(ledger);
  Waiter waiter;
  auto first = services.ask(waiter, 1, asked::Seat{"alice"});
  ASSERT_TRUE(first && first->granted && first->seat);
  const auto second = services.ask(waiter, 2, asked::Seat{"alice"});
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->granted);
  EXPECT_EQ(second->seat, nullptr);
  first.reset();  // nobody has taken it: it is given back
  EXPECT_TRUE(services.ask(waiter, 3, asked::Seat{"alice"})->granted);
}

TEST(WorkerServices, RefuseRecordsWhereThereIsNoTrail) {
  testing::LedgerDouble ledger({});
  WorkerServices services(ledger);
  Waiter waiter;
  const auto answer = services.ask(waiter, 1, record(true));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->granted);
  services.forget(waiter, 1, nullptr);
}

TEST(WorkerServices, AnswerForTheTrailAtOnceOrLater) {
  testing::LedgerDouble ledger({});
  net::FakeTrail trail;
  WorkerServices services(ledger);
  services.set_trail(&trail);
  Waiter waiter;
  trail.at_once = true;
  const auto at_once = services.ask(waiter, 1, record(false));
  ASSERT_TRUE(at_once);
  EXPECT_TRUE(at_once->granted);
  trail.at_once = false;
  EXPECT_FALSE(services.ask(waiter, 2, record(false)));
  trail.answer(true);
  EXPECT_EQ(waiter.last, (std::pair<std::uint64_t, bool>{2, true}));
  EXPECT_FALSE(services.ask(waiter, 3, record(true)));
  services.forget(waiter, 3, nullptr);
  EXPECT_TRUE(trail.waiting.empty());
  trail.can_write = false;
  EXPECT_FALSE(services.ask(waiter, 4, record(true))->granted);
}

}  // namespace
}  // namespace postern::server
