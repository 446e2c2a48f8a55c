#include "filters/chain.h"

#include <algorithm>
#include <utility>

#include "filters/brake.h"
#include "filters/command_rules.h"
#include "filters/limits.h"
#include "filters/tls_policy.h"

namespace postern::filters {
namespace {

// The first filter that names a rule has the say.
void add(RuleHits& hits, const RuleHits& more) noexcept {
  if (hits.decided == RuleHits::kNone) hits.decided = more.decided;
  if (hits.observed == RuleHits::kNone) hits.observed = more.observed;
}

}  // namespace

Chain::Chain(std::vector<std::unique_ptr<Filter>> filters) : filters_(std::move(filters)) {
  for (const auto& filter : filters_) watches_responses_ = watches_responses_ || filter->watches_responses();
}

Decision Chain::on_tls(const Context& context) {
  for (auto& filter : filters_) {
    Decision decision = filter->on_tls(context);
    if (decision.ruling != Ruling::Pass) return decision;
  }
  return Decision::pass();
}

Decision Chain::on_login(imap::Verb verb, const Context& context) {
  RuleHits hits;
  for (auto& filter : filters_) {
    Decision decision = filter->on_login(verb, context);
    add(hits, decision.rules);
    decision.rules = hits;
    if (decision.ruling != Ruling::Pass) return decision;
  }
  Decision passed = Decision::pass();
  passed.rules = hits;
  return passed;
}

bool Chain::wants_seat() const noexcept {
  return std::any_of(filters_.begin(), filters_.end(),
                     [](const auto& filter) { return filter->wants_seat(); });
}

Decision Chain::on_seat(const std::shared_ptr<UserSeat>& seat, const Context& context) {
  for (auto& filter : filters_) {
    Decision decision = filter->on_seat(seat, context);
    if (decision.ruling != Ruling::Pass) return decision;
  }
  return Decision::pass();
}

Needs Chain::on_logged_in(const Context& context) {
  Needs needs;
  for (auto& filter : filters_) {
    const Needs one = filter->on_logged_in(context);
    needs.naming = needs.naming || one.naming;
    needs.special_use = needs.special_use || one.special_use;
  }
  return needs;
}

void Chain::answer(const Answer& answer, const Context& context) {
  filters_[held_at_]->on_answer(answer, context);
  next_ = held_at_;
}

Decision Chain::judged_by(Filter& filter, imap::Command& command, const Context& context) const {
  if (rewriting_ == Rewriting::None) return filter.on_command(command, context);
  Context changed = context;
  changed.rewriting = rewriting_;
  return filter.on_command(command, changed);
}

Decision Chain::on_command(imap::Command& command, const Context& context) {
  if (next_ == 0) {  // not one that was held: what was found of it before that still holds
    rewriting_ = Rewriting::None;
    hits_ = {};
  }
  for (std::size_t i = std::exchange(next_, 0); i < filters_.size(); ++i) {
    Decision decision = judged_by(*filters_[i], command, context);
    add(hits_, decision.rules);
    if (decision.rewriting != Rewriting::None) rewriting_ = decision.rewriting;
    if (decision.ruling == Ruling::Pass || decision.ruling == Ruling::Rewrite) continue;
    held_at_ = i;
    decision.rules = hits_;
    return decision;
  }
  Decision result = rewriting_ == Rewriting::None ? Decision::pass() : Decision::rewrite(rewriting_);
  result.rules = hits_;
  return result;
}

void Chain::on_response(const imap::Response& response, const Context& context) {
  for (auto filter = filters_.rbegin(); filter != filters_.rend(); ++filter)
    if ((*filter)->watches_responses()) (*filter)->on_response(response, context);
}

void Chain::on_verdict(const imap::Command& command, const Verdict& verdict,
                       const Context& context) noexcept {
  for (auto& filter : filters_) filter->on_verdict(command, verdict, context);
}

void Chain::on_end(const SessionSummary& summary, const Context& context) noexcept {
  for (auto& filter : filters_) filter->on_end(summary, context);
}

std::vector<std::unique_ptr<Filter>> make_filters(const ChainParts& parts) {
  std::vector<std::unique_ptr<Filter>> filters;
  filters.push_back(std::make_unique<TlsPolicy>());
  const bool limits = parts.settings != nullptr && parts.ledger != nullptr;
  const auto seat = std::make_shared<HeldSeat>();
  if (limits) filters.push_back(std::make_unique<SessionLimits>(parts.settings->limits, *parts.ledger, seat));
  if (parts.policy && !parts.policy->empty()) filters.push_back(std::make_unique<CommandRules>(parts.policy));
  if (limits) filters.push_back(std::make_unique<Brake>(seat));
  return filters;
}

}  // namespace postern::filters
