#include "filters/review/rule_scope.h"

#include <algorithm>
#include <array>
#include <set>

#include "config/match.h"
#include "filters/policy.h"
#include "imap/verb.h"

namespace postern::server {
namespace {

using imap::Verb;
using imap::VerbRow;
namespace effect = imap::effect;

bool has_mailbox(const VerbRow& row) noexcept {
  using enum imap::Argument;
  constexpr std::array kNone{None, Skipped, Options, Reference, Patterns};
  return (row.traits & imap::trait::kSelected) != 0 || (row.effects & effect::kDestroys) != 0 ||
         std::any_of(row.arguments.begin(), row.arguments.end(), [&](imap::Argument argument) {
           return std::find(kNone.begin(), kNone.end(), argument) == kNone.end();
         });
}

void add_verb(std::vector<CommandKind>& kinds, const VerbRow& row) {
  CommandKind kind;
  kind.name = std::string(row.name);
  kind.classes = row.effects & static_cast<std::uint8_t>(~effect::kMayDestroy);
  kind.takes_flags = row.verb == Verb::Store || row.verb == Verb::Append || row.verb == Verb::Replace;
  kind.has_mailbox = has_mailbox(row);
  kind.only_by_name = filters::is_judged_by_name_only(row.verb);
  if (row.verb == Verb::Close) kind.classes = 0;  // of a mailbox that is read-only
  kinds.push_back(kind);
  if ((row.effects & effect::kMayDestroy) == 0) return;
  kind.classes = effect::kWrites | effect::kDestroys;
  kinds.push_back(std::move(kind));
}

}  // namespace

std::vector<CommandKind> command_kinds(const std::vector<config::Rule>& rules) {
  std::vector<CommandKind> kinds;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::kCount); ++i) {
    const auto verb = static_cast<Verb>(i);
    if (verb != Verb::Unknown && verb != Verb::Done) add_verb(kinds, imap::row_of(verb));
  }
  std::set<std::string> unknown{""};
  for (const config::Rule& rule : rules)
    for (const config::WhenEntry& entry : rule.when.commands)
      if (const Verb verb = imap::verb_of(entry.text); verb == Verb::Unknown || verb == Verb::Done)
        unknown.insert(entry.text);
  for (const std::string& name : unknown)
    kinds.push_back({name, imap::row_of(Verb::Unknown).effects, true, true, false});
  return kinds;
}

bool passes_commands(const config::Rule& rule, const CommandKind& kind) noexcept {
  const std::vector<config::WhenEntry>& entries = rule.when.commands;
  const auto is_named = [&](const config::WhenEntry& entry) {
    return !kind.name.empty() && entry.text == kind.name;
  };
  if (kind.only_by_name && std::none_of(entries.begin(), entries.end(),
                                        [&](const auto& entry) { return !entry.negated && is_named(entry); }))
    return false;
  // Nobody is kept from leaving.
  if (kind.name == imap::name_of(Verb::Logout) && rule.action != config::RuleAction::Allow &&
      rule.action != config::RuleAction::Disconnect)
    return false;
  return config::key_matches(entries, is_named);
}

bool passes_classes(const config::When& when, const CommandKind& kind) noexcept {
  return config::key_matches(when.classes, [&](const config::WhenEntry& entry) {
    return (kind.classes & effect::class_bit(entry.text)) != 0;
  });
}

RuleScope::RuleScope(const config::Rule& rule, const std::vector<CommandKind>& kinds)
    : bits_((kinds.size() + 63) / 64) {
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (passes_commands(rule, kinds[i]) && passes_classes(rule.when, kinds[i]))
      bits_[i / 64] |= std::uint64_t{1} << (i % 64);
}

bool RuleScope::covers(const RuleScope& inner) const noexcept {
  for (std::size_t i = 0; i < bits_.size(); ++i)
    if ((inner.bits_[i] & ~bits_[i]) != 0) return false;
  return true;
}

}  // namespace postern::server
