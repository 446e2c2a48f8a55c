// The rules of the configuration, compiled: made once at load, immutable, shared by all workers through the
// Snapshot. Pure.
//
// A rule is a bit. What its keys ask for is settled in sets of rules, each at the earliest moment: per verb
// and per class at load, per session at login (user, network, listener, SNI, TLS), per mailbox at SELECT.
// What a command meets is their intersection, walked in the order of the file; only flags are looked at
// there. A session thus keeps one bit for each rule.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "filters/filter.h"
#include "filters/mailbox_globs.h"
#include "imap/command_effect.h"
#include "imap/verb.h"

namespace postern::filters {

// A set of rules by their indices; 64 in a word. Without words it is the empty set too: a session that no
// rule concerns keeps none.
using RuleSet = std::vector<std::uint64_t>;
bool is_empty(const RuleSet& set) noexcept;

// A mailbox, or what stands in its place, that a command is judged for.
struct Subject {
  enum class Kind : std::uint8_t {
    None,     // no mailbox: rules that name one do not match
    Name,     // this one
    Below,    // all that are below it, or will be; of an empty name: every mailbox
    Unknown,  // some mailbox that nobody knows: restricting rules match whatever they name, allowing ones do
              // not
  };
  Kind kind = Kind::None;
  std::string name;    // canonical
  std::string folded;  // imap::folded_name of it
};
Subject subject_of(Subject::Kind kind, std::string canonical_name);

// What the rules ask of a command besides its mailboxes.
struct Traits {
  imap::Verb verb = imap::Verb::Unknown;
  Octets name;                                 // in capitals, of an unknown verb
  std::uint8_t classes = 0;                    // bits of imap::effect
  const std::vector<Octets>* flags = nullptr;  // null: none
  // False: `classes` is the most that it can be, and its flags are not known: restricting rules match where
  // they could.
  bool effect_known = true;
  // False: an upstream may understand something else than is known here, so that of the allowing rules only
  // those count that name the verb and ask for nothing further of the command.
  bool understood = true;
};

enum class Moment : std::uint8_t {
  BeforeLogin,  // nobody knows who it is: rules with a user do not apply
  Login,        // LOGIN or AUTHENTICATE; an empty user is a hidden one
  LoggedIn,     // likewise; only those that can match a command from here on
};

class Policy {
 public:
  explicit Policy(const config::Settings& settings);
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  bool empty() const noexcept { return rules_.empty(); }
  const config::Rule& rule(std::size_t index) const noexcept { return rules_[index]; }
  // Configured, folded canonical names.
  const std::vector<std::string>& trash() const noexcept { return trash_; }

  // Those whose facts about the session are true.
  RuleSet settle(const Context& context, Moment moment) const;
  // Those of the set that apply to the verb, as far as its name goes.
  RuleSet scope(const RuleSet& set, imap::Verb verb) const;
  bool applies_to(imap::Verb verb) const noexcept { return !is_empty(of_verb(verb)); }
  // Does one of the set ask for mailboxes?
  bool asks_for_mailbox(const RuleSet& set) const noexcept;
  // Is one of the set in force and of that action?
  bool holds(const RuleSet& set, config::RuleAction action) const noexcept;
  // The first in the set that is in force, restricts and can match a command after login; RuleHits::kNone.
  std::int32_t first_restriction(const RuleSet& set) const noexcept;
  // Those of the set that match the subject, as far as mailboxes go.
  RuleSet matching(const RuleSet& set, const Subject& subject) const;
  // The first of the set in force that matches, and the first one on trial before it. `set`: a scope() of the
  // verb; `mailbox`: what matching() said, null where no mailbox is asked for.
  RuleHits first_match(const RuleSet& set, const Traits& traits, const RuleSet* mailbox) const;

 private:
  static constexpr std::size_t kVerbs = static_cast<std::size_t>(imap::Verb::kCount);
  static constexpr std::size_t kClassSets = 32;

  struct GlobUse {
    std::uint32_t rule;
    bool negated;
  };
  // Globs that are matched in the same way: folded, or as written.
  struct GlobTable {
    std::vector<std::string> texts;
    std::vector<std::vector<GlobUse>> uses;        // of each glob
    std::map<std::string, std::uint32_t> numbers;  // while compiling
    std::optional<MailboxGlobs> globs;
    void add(const std::string& text, GlobUse use);
    void finish();
  };

  void compile(std::uint32_t index);
  void compile_verbs(std::uint32_t index);
  void compile_unknown(std::uint32_t index);
  void compile_mailboxes(std::uint32_t index);
  const RuleSet& of_verb(imap::Verb verb) const noexcept { return verbs_[static_cast<std::size_t>(verb)]; }
  void apply(const GlobTable& table, const RuleSet& set, const Subject& subject, MailboxGlobs::Reach reach,
             RuleSet& matched, RuleSet& excluded) const;

  std::vector<config::Rule> rules_;
  std::vector<std::string> trash_;
  std::array<RuleSet, kVerbs> verbs_;        // whose `command` key takes the verb
  std::array<RuleSet, kClassSets> classes_;  // whose `class` key takes a command of these classes
  std::array<RuleSet, kClassSets> most_;     // … or of some of them
  RuleSet restricting_;
  RuleSet by_name_alone_;    // allowing, and ask for `command` alone
  RuleSet with_mailbox_;     // have a `mailbox` key
  RuleSet without_mailbox_;  // have none
  RuleSet negated_only_;     // have a `mailbox` key without a plain entry
  RuleSet after_login_;      // can match some command that only a session that is logged in has
  GlobTable folded_;         // restricting rules' entries, and allowing ones' negated
  GlobTable exact_;          // allowing rules' entries, and restricting ones' negated
};

// CAPABILITY, NOOP, LOGOUT, ID, STARTTLS: they let a client find its feet, before login and after; a rule
// that does not name them has nothing to say about them.
bool is_judged_by_name_only(imap::Verb verb) noexcept;

inline bool restricts(config::RuleAction action) noexcept { return action != config::RuleAction::Allow; }

}  // namespace postern::filters
