// Which commands a rule can be about, as far as its keys command and class say: a set over all kinds of
// commands that there are, so that "never" and "all that the other one does" are exact. For warnings about
// rules. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/rule.h"

namespace postern::server {

// A command as rules see it. A verb has several where its class depends on the arguments.
struct CommandKind {
  std::string name;  // in capitals; empty: some command that neither the gateway nor a rule knows
  std::uint8_t classes = 0;
  bool takes_flags = false;
  bool has_mailbox = false;   // … that rules look at: LIST's patterns are none, what destroys may mean any
  bool only_by_name = false;  // CAPABILITY, NOOP, …: judged only by rules that name them
};

// All that are known, and those unknown ones that a rule names.
std::vector<CommandKind> command_kinds(const std::vector<config::Rule>& rules);

// The kinds that a rule's keys let through, by index. Commands that cannot be read are left out: they match
// every restricting rule and no allowing one.
class RuleScope {
 public:
  RuleScope(const config::Rule& rule, const std::vector<CommandKind>& kinds);

  bool holds(std::size_t kind) const { return (bits_[kind / 64] >> (kind % 64) & 1U) != 0; }
  bool covers(const RuleScope& inner) const noexcept;

 private:
  std::vector<std::uint64_t> bits_;
};

bool passes_commands(const config::Rule& rule, const CommandKind& kind) noexcept;
bool passes_classes(const config::When& when, const CommandKind& kind) noexcept;

}  // namespace postern::server
