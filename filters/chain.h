// The filters of one session in their fixed order: tls_policy → limits → command_rules → rewrite → audit (as
// far as they are built). Commands pass them forwards, responses backwards. A filter that holds or delays
// stops the command; when it is released, or its time has come, the chain goes on behind that filter.
#pragma once

#include <memory>
#include <vector>

#include "base/seats.h"
#include "filters/filter.h"
#include "filters/policy.h"

namespace postern::filters {

class Chain {
 public:
  Chain() = default;
  explicit Chain(std::vector<std::unique_ptr<Filter>> filters);

  Decision on_tls(const Context& context);
  Decision on_login(imap::Verb verb, const Context& context);
  bool wants_seat() const noexcept;
  Decision on_seat(const std::shared_ptr<UserSeat>& seat, const Context& context);
  Needs on_logged_in(const Context& context);
  // Starts at the first filter, or behind the one that held or delayed if resume() was called since, or at
  // the one that asked if answer() was.
  Decision on_command(imap::Command& command, const Context& context);
  void resume() noexcept { next_ = held_at_ + 1; }
  void answer(const Answer& answer, const Context& context);
  bool watches_responses() const noexcept { return watches_responses_; }
  void on_response(const imap::Response& response, const Context& context);
  void on_verdict(const imap::Command& command, const Verdict& verdict, const Context& context) noexcept;
  void on_end(const SessionSummary& summary, const Context& context) noexcept;

 private:
  Decision judged_by(Filter& filter, imap::Command& command, const Context& context) const;

  std::vector<std::unique_ptr<Filter>> filters_;
  std::size_t next_ = 0;                   // where the next on_command starts
  std::size_t held_at_ = 0;                // the filter that held, delayed or asked
  Rewriting rewriting_ = Rewriting::None;  // of the command that is being judged
  RuleHits hits_;
  bool watches_responses_ = false;
};

// What the chain of a session is made from; all outlive it.
struct ChainParts {
  const config::Settings* settings = nullptr;
  std::shared_ptr<const Policy> policy;  // null: no rules
  Ledger* ledger = nullptr;
};

// What this version builds for a session: tls_policy → limits → command_rules → brake. The limits need
// settings and a ledger.
std::vector<std::unique_ptr<Filter>> make_filters(const ChainParts& parts);
inline Chain make_chain(const ChainParts& parts) { return Chain(make_filters(parts)); }

}  // namespace postern::filters
