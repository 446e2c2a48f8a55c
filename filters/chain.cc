#include "filters/chain.h"

#include <utility>

#include "filters/tls_policy.h"

namespace postern::filters {

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

Decision Chain::on_command(imap::Command& command, const Context& context) {
  Decision result = Decision::pass();
  for (std::size_t i = std::exchange(next_, 0); i < filters_.size(); ++i) {
    Decision decision = filters_[i]->on_command(command, context);
    if (decision.ruling == Ruling::Pass) continue;
    result = std::move(decision);
    if (result.ruling == Ruling::Rewrite) continue;  // those behind it judge what it made of the command
    if (result.ruling == Ruling::Hold) held_at_ = i;
    return result;
  }
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

Chain make_chain() {
  std::vector<std::unique_ptr<Filter>> filters;
  filters.push_back(std::make_unique<TlsPolicy>());
  return Chain(std::move(filters));
}

}  // namespace postern::filters
