// Does one rule match all that another one does? "Yes" is certain, "no" may only mean that it cannot be told.
// Pure.
#pragma once

#include <vector>

#include "config/match.h"
#include "config/settings.h"
#include "filters/review/rule_scope.h"

namespace postern::server {

// A rule with what is worked out once for all comparisons.
struct MeasuredRule {
  const config::Rule* rule = nullptr;
  RuleScope scope;
  std::vector<bool> listeners;               // by listener: is it meant?
  std::vector<config::WhenEntry> mailboxes;  // canonical
};

MeasuredRule measured(const config::Rule& rule, const std::vector<CommandKind>& kinds,
                      const std::vector<config::Listener>& listeners);

// Commands that cannot be read are left out: they match every restricting rule and no allowing one.
bool covers(const MeasuredRule& outer, const MeasuredRule& inner);

// Restricting rules compare a mailbox's plain entries without regard to case, and negated ones with it;
// allowing rules the other way round.
inline config::Case letters_of_mailboxes(config::RuleAction action, bool negated) noexcept {
  const bool allows = action == config::RuleAction::Allow;
  return allows == negated ? config::Case::Ignored : config::Case::Exact;
}

}  // namespace postern::server
