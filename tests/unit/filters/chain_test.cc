#include "filters/chain.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace postern::filters {
namespace {

// Writes down that it was asked, and decides as it is told.
class Scribe final : public Filter {
 public:
  Scribe(std::string name, std::string& log, Decision decision = Decision::pass(), bool watches = true)
      : name_(std::move(name)), log_(log), decision_(std::move(decision)), watches_(watches) {}

  Decision on_tls(const Context&) override {
    log_ += name_ + ".tls ";
    return decision_;
  }
  Decision on_command(imap::Command& command, const Context&) override {
    log_ += name_ + "(" + std::string(command.text) + ") ";
    if (decision_.ruling == Ruling::Rewrite) command.text = "edited";
    return decision_;
  }
  bool watches_responses() const noexcept override { return watches_; }
  void on_response(const imap::Response&, const Context&) override { log_ += name_ + ".response "; }
  void on_verdict(const imap::Command&, const Verdict& verdict, const Context&) noexcept override {
    log_ += name_ + (verdict.forwarded ? ".forwarded " : ".denied ");
  }
  void on_end(const SessionSummary&, const Context&) noexcept override { log_ += name_ + ".end "; }

 private:
  std::string name_;
  std::string& log_;
  Decision decision_;
  bool watches_;
};

Decision rewrite() {
  Decision decision;
  decision.ruling = Ruling::Rewrite;
  decision.rewriting = Rewriting::Examine;
  return decision;
}

class ChainTest : public testing::Test {
 protected:
  ChainTest() { command_.text = "a NOOP"; }
  void add(const std::string& name, Decision decision = Decision::pass(), bool watches = true) {
    filters_.push_back(std::make_unique<Scribe>(name, log_, std::move(decision), watches));
  }
  Chain chain() { return Chain(std::move(filters_)); }
  Context context() { return {facts_, tls_, user_, true}; }
  std::string log() { return std::exchange(log_, {}); }

  std::vector<std::unique_ptr<Filter>> filters_;
  std::string log_;
  SessionFacts facts_;
  TlsFacts tls_;
  std::string user_;
  imap::Command command_;
};

TEST_F(ChainTest, CommandsPassForwardsAndResponsesBackwards) {
  add("1");
  add("2");
  add("3");
  Chain chain = this->chain();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Pass);
  EXPECT_EQ(log(), "1(a NOOP) 2(a NOOP) 3(a NOOP) ");
  EXPECT_TRUE(chain.watches_responses());
  chain.on_response({}, context());
  EXPECT_EQ(log(), "3.response 2.response 1.response ");
}

TEST_F(ChainTest, OnlyThoseThatWatchSeeResponses) {
  add("1", Decision::pass(), false);
  add("2");
  Chain chain = this->chain();
  chain.on_response({}, context());
  EXPECT_EQ(log(), "2.response ");
  add("3", Decision::pass(), false);
  EXPECT_FALSE(this->chain().watches_responses());
}

TEST_F(ChainTest, ADenialEndsTheWay) {
  add("1");
  add("2", Decision::deny(ErrorCode::NoPermission, "NOPERM", "no"));
  add("3");
  Chain chain = this->chain();
  const Decision decision = chain.on_command(command_, context());
  EXPECT_EQ(decision.ruling, Ruling::Deny);
  EXPECT_EQ(decision.response_code, "NOPERM");
  EXPECT_EQ(decision.text, "no");
  EXPECT_EQ(log(), "1(a NOOP) 2(a NOOP) ");
}

TEST_F(ChainTest, AnEditedCommandIsJudgedByThoseBehind) {
  add("1");
  add("2", rewrite());
  add("3");
  Chain chain = this->chain();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Rewrite);
  EXPECT_EQ(log(), "1(a NOOP) 2(a NOOP) 3(edited) ");
}

TEST_F(ChainTest, ADenialBehindAnEditWins) {
  add("1", rewrite());
  add("2", Decision::close(ErrorCode::PolicyClose));
  Chain chain = this->chain();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Close);
}

TEST_F(ChainTest, GoesOnBehindTheOneThatHeld) {
  add("1");
  add("2", Decision::wait());
  add("3");
  Chain chain = this->chain();
  const Decision held = chain.on_command(command_, context());
  EXPECT_EQ(held.ruling, Ruling::Hold);
  log();
  chain.resume();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Pass);
  EXPECT_EQ(log(), "3(a NOOP) ");
}

TEST_F(ChainTest, GoesOnBehindTheOneThatDelayed) {
  add("1");
  add("2", Decision::delay(instant_from_ns(5)));
  add("3");
  Chain chain = this->chain();
  const Decision delayed = chain.on_command(command_, context());
  EXPECT_EQ(delayed.ruling, Ruling::Delay);
  EXPECT_EQ(delayed.until, instant_from_ns(5));
  EXPECT_EQ(log(), "1(a NOOP) 2(a NOOP) ");
  chain.resume();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Pass);
  EXPECT_EQ(log(), "3(a NOOP) ");
}

TEST_F(ChainTest, TellsAFilterWhatThoseBeforeItMakeOfTheCommand) {
  struct Reader final : Filter {
    explicit Reader(std::vector<Rewriting>& seen) : seen_(seen) {}
    Decision on_command(imap::Command&, const Context& context) override {
      seen_.push_back(context.rewriting);
      return Decision::pass();
    }
    std::vector<Rewriting>& seen_;
  };
  std::vector<Rewriting> seen;
  filters_.push_back(std::make_unique<Reader>(seen));
  add("2", Decision::rewrite(Rewriting::KeepMail));
  filters_.push_back(std::make_unique<Reader>(seen));
  Chain chain = this->chain();
  chain.on_command(command_, context());
  EXPECT_EQ(seen, (std::vector<Rewriting>{Rewriting::None, Rewriting::KeepMail}));
  seen.clear();
  chain.on_command(command_, context());
  EXPECT_EQ(seen.front(), Rewriting::None) << "the next command is as its client wrote it";
}

TEST_F(ChainTest, TheNextCommandBeginsAtTheFirstFilter) {
  add("1");
  add("2", Decision::wait());
  Chain chain = this->chain();
  chain.on_command(command_, context());
  chain.resume();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Pass);
  log();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Hold);
  EXPECT_EQ(log(), "1(a NOOP) 2(a NOOP) ");
}

TEST_F(ChainTest, TwoMayHoldOneCommand) {
  add("1", Decision::wait());
  add("2", Decision::wait());
  add("3");
  Chain chain = this->chain();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Hold);
  chain.resume();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Hold);
  chain.resume();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Pass);
  EXPECT_EQ(log(), "1(a NOOP) 2(a NOOP) 3(a NOOP) ");
}

TEST_F(ChainTest, AHoldThatIsNotGrantedLeavesNoTrace) {
  add("1", Decision::wait());
  Chain chain = this->chain();
  chain.on_command(command_, context());
  log();
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Hold);
  EXPECT_EQ(log(), "1(a NOOP) ");
}

TEST_F(ChainTest, EveryFilterHearsTheVerdictAndTheEnd) {
  add("1");
  add("2", Decision::deny(ErrorCode::NoPermission, "NOPERM"));
  add("3");
  Chain chain = this->chain();
  chain.on_verdict(command_, {true, ErrorCode::Ok}, context());
  chain.on_verdict(command_, {false, ErrorCode::NoPermission}, context());
  chain.on_end({}, context());
  EXPECT_EQ(log(), "1.forwarded 2.forwarded 3.forwarded 1.denied 2.denied 3.denied 1.end 2.end 3.end ");
}

TEST_F(ChainTest, TheFirstRefusalOfTlsCounts) {
  add("1");
  add("2", Decision::close(ErrorCode::TlsOther));
  add("3");
  Chain chain = this->chain();
  EXPECT_EQ(chain.on_tls(context()).code, ErrorCode::TlsOther);
  EXPECT_EQ(log(), "1.tls 2.tls ");
}

TEST_F(ChainTest, AnEmptyChainLetsEverythingPass) {
  Chain chain;
  EXPECT_EQ(chain.on_command(command_, context()).ruling, Ruling::Pass);
  EXPECT_EQ(chain.on_tls(context()).ruling, Ruling::Pass);
  EXPECT_FALSE(chain.watches_responses());
}

}  // namespace
}  // namespace postern::filters
