#include "filters/policy.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "config/match.h"
#include "imap/mailbox_name.h"

namespace postern::filters {
namespace {

using config::Case;
using config::key_matches;
using config::Rule;
using config::RuleAction;
using config::RuleMode;
using config::WhenEntry;
using imap::Verb;

constexpr std::size_t kWordBits = 64;

void put(RuleSet& set, std::size_t index) noexcept {
  set[index / kWordBits] |= std::uint64_t{1} << (index % kWordBits);
}
bool has(const RuleSet& set, std::size_t index) noexcept {
  return index / kWordBits < set.size() && (set[index / kWordBits] >> (index % kWordBits) & 1U) != 0;
}

constexpr std::array kOnlyByName{Verb::Capability, Verb::Noop, Verb::Logout, Verb::Id, Verb::Starttls};

bool is_before_login(Verb verb) noexcept {
  return is_judged_by_name_only(verb) || verb == Verb::Login || verb == Verb::Authenticate ||
         verb == Verb::Unauthenticate || verb == Verb::Done;
}

// 0 to 31: one bit for each of the five words of `class`.
unsigned class_index(std::uint8_t classes) noexcept {
  unsigned index = 0;
  for (unsigned i = 0; i < imap::effect::kClasses.size(); ++i)
    if ((classes & imap::effect::kClasses[i].bit) != 0) index |= 1U << i;
  return index;
}

bool class_matches(const std::vector<WhenEntry>& entries, unsigned classes) {
  return key_matches(entries, [classes](const WhenEntry& one) {
    return (class_index(imap::effect::class_bit(one.text)) & classes) != 0;
  });
}

// Does some subset of the classes match?
bool class_could_match(const std::vector<WhenEntry>& entries, unsigned classes) {
  unsigned subset = classes;
  for (;; subset = (subset - 1) & classes) {
    if (class_matches(entries, subset)) return true;
    if (subset == 0) return false;
  }
}

bool globs_match(const std::vector<WhenEntry>& entries, std::string_view text, Case letters) {
  return key_matches(entries,
                     [&](const WhenEntry& one) { return config::matches_glob(one.text, text, letters); });
}

bool names(const std::vector<WhenEntry>& commands, Octets name) {
  return std::any_of(commands.begin(), commands.end(),
                     [&](const WhenEntry& one) { return !one.negated && one.text == name; });
}

bool command_matches(const std::vector<WhenEntry>& commands, Octets name) {
  return key_matches(commands, [&](const WhenEntry& one) { return Octets(one.text) == name; });
}

// What a session's rules are held against, read once.
struct Facts {
  const Context& context;
  Moment moment;
  std::optional<config::Address16> client;  // nothing: it cannot be read
  std::string_view tls_version;             // empty in clear text
};

Facts facts_of(const Context& context, Moment moment) {
  const std::string_view version = context.tls.version();  // "TLSv1.3"
  return {context, moment, config::parse_address(context.facts.client_address),
          version.substr(std::min(version.size(), std::string_view("TLSv").size()))};
}

bool user_matches(const Rule& rule, const Facts& facts) {
  if (rule.when.users.empty()) return true;
  if (facts.moment == Moment::BeforeLogin) return false;
  if (facts.context.user.empty()) return restricts(rule.action);
  return globs_match(rule.when.users, facts.context.user, Case::Ignored);
}

bool client_matches(const Rule& rule, const Facts& facts) {
  if (rule.when.clients.empty()) return true;
  if (!facts.client) return restricts(rule.action);
  return key_matches(rule.when.clients, [&](const config::WhenNetwork& one) {
    return config::contains(one.network, *facts.client);
  });
}

bool version_matches(const Rule& rule, const Facts& facts) {
  if (rule.when.tls_versions.empty()) return true;
  // Clear text has no version: "!1.0" must not let it in.
  if (facts.tls_version.empty() && !restricts(rule.action)) return false;
  return key_matches(rule.when.tls_versions,
                     [&](const WhenEntry& one) { return one.text == facts.tls_version; });
}

bool is_name_of(const std::string& glob, const ClientCertificate& certificate) {
  const auto matched = [&](const std::string& name) {
    return !name.empty() && config::matches_glob(glob, name, Case::Ignored);
  };
  return matched(certificate.subject) || matched(certificate.common_name) ||
         std::any_of(certificate.emails.begin(), certificate.emails.end(), matched) ||
         std::any_of(certificate.upns.begin(), certificate.upns.end(), matched);
}

bool certificate_matches(const Rule& rule, const ClientCertificate* certificate) {
  const std::vector<WhenEntry>& entries = rule.when.client_certs;
  if (entries.empty()) return true;
  const auto is_word = [](const WhenEntry& one) { return one.text == "true" || one.text == "false"; };
  // Who has no certificate has none with another name: "!*@example.com" must not let them in.
  if (certificate == nullptr && !restricts(rule.action) &&
      std::none_of(entries.begin(), entries.end(), is_word))
    return false;
  return key_matches(entries, [&](const WhenEntry& one) {
    if (is_word(one)) return (one.text == "true") == (certificate != nullptr);
    return certificate != nullptr && is_name_of(one.text, *certificate);
  });
}

bool settled(const Rule& rule, const Facts& facts) {
  const Context& context = facts.context;
  return (!rule.when.tls || *rule.when.tls == context.tls.secure) && user_matches(rule, facts) &&
         client_matches(rule, facts) &&
         globs_match(rule.when.listeners, context.facts.listener, Case::Exact) &&
         globs_match(rule.when.sni, asked_name(context.facts, context.tls), Case::Ignored) &&
         version_matches(rule, facts) && certificate_matches(rule, context.tls.client_cert.get());
}

bool flags_match(const Rule& rule, const Traits& traits) {
  const std::vector<WhenEntry>& entries = rule.when.flags;
  if (entries.empty()) return true;
  if (!traits.effect_known) return restricts(rule.action);
  if (traits.flags == nullptr || traits.flags->empty()) return false;
  const auto matched = [&](Octets flag) { return globs_match(entries, flag, Case::Ignored); };
  if (restricts(rule.action)) return std::any_of(traits.flags->begin(), traits.flags->end(), matched);
  return std::all_of(traits.flags->begin(), traits.flags->end(), matched);
}

}  // namespace

bool is_empty(const RuleSet& set) noexcept {
  return std::all_of(set.begin(), set.end(), [](std::uint64_t word) { return word == 0; });
}

bool is_judged_by_name_only(Verb verb) noexcept {
  return std::find(kOnlyByName.begin(), kOnlyByName.end(), verb) != kOnlyByName.end();
}

Subject subject_of(Subject::Kind kind, std::string canonical_name) {
  std::string folded = imap::folded_name(canonical_name);
  return {kind, std::move(canonical_name), std::move(folded)};
}

// --- at load -----------------------------------------------------------------------------------------------

Policy::Policy(const config::Settings& settings) : rules_(settings.rules) {
  for (const std::string& name : settings.trash)
    trash_.push_back(imap::folded_name(imap::canonical_name(name, '/')));
  const RuleSet none((rules_.size() + kWordBits - 1) / kWordBits, 0);
  verbs_.fill(none);
  classes_.fill(none);
  most_.fill(none);
  for (RuleSet* set :
       {&restricting_, &by_name_alone_, &with_mailbox_, &without_mailbox_, &negated_only_, &after_login_})
    *set = none;
  for (std::uint32_t i = 0; i < rules_.size(); ++i) compile(i);
  folded_.finish();
  exact_.finish();
}

void Policy::GlobTable::add(const std::string& text, GlobUse use) {
  const auto [found, added] = numbers.try_emplace(text, static_cast<std::uint32_t>(texts.size()));
  if (added) {
    texts.push_back(text);
    uses.emplace_back();
  }
  uses[found->second].push_back(use);
}

void Policy::GlobTable::finish() {
  globs.emplace(texts);
  texts = {};
  numbers = {};
}

void Policy::compile(std::uint32_t index) {
  const Rule& rule = rules_[index];
  const bool by_name = std::any_of(rule.when.commands.begin(), rule.when.commands.end(),
                                   [](const WhenEntry& one) { return !one.negated; });
  if (restricts(rule.action)) {
    put(restricting_, index);
  } else if (by_name && rule.when.classes.empty() && rule.when.mailboxes.empty() && rule.when.flags.empty()) {
    put(by_name_alone_, index);
  }
  for (unsigned classes = 0; classes < kClassSets; ++classes) {
    if (class_matches(rule.when.classes, classes)) put(classes_[classes], index);
    if (class_could_match(rule.when.classes, classes)) put(most_[classes], index);
  }
  compile_verbs(index);
  compile_mailboxes(index);
}

void Policy::compile_verbs(std::uint32_t index) {
  const Rule& rule = rules_[index];
  for (std::size_t i = 0; i < kVerbs; ++i) {
    const Verb verb = static_cast<Verb>(i);
    if (verb == Verb::Done) continue;  // the end of a command, no command
    if (verb == Verb::Unknown) {
      compile_unknown(index);
      continue;
    }
    if (!command_matches(rule.when.commands, imap::name_of(verb))) continue;
    if (is_judged_by_name_only(verb) && !names(rule.when.commands, imap::name_of(verb))) continue;
    // Nobody is kept from leaving.
    if (verb == Verb::Logout && rule.action != RuleAction::Disconnect && rule.action != RuleAction::Allow)
      continue;
    put(verbs_[i], index);
    const std::uint8_t effects = imap::row_of(verb).effects;
    const bool may_destroy = (effects & imap::effect::kMayDestroy) != 0;
    const std::uint8_t most = may_destroy ? effects | imap::effect::kDestroys : effects;
    if (!is_before_login(verb) && has(most_[class_index(most)], index)) put(after_login_, index);
  }
}

// Verbs that nobody knows: what one is called is looked at when it comes.
void Policy::compile_unknown(std::uint32_t index) {
  const Rule& rule = rules_[index];
  const auto is_unknown = [](const WhenEntry& one) { return imap::verb_of(one.text) == Verb::Unknown; };
  const bool concerned = std::any_of(rule.when.commands.begin(), rule.when.commands.end(),
                                     [&](const WhenEntry& one) { return !one.negated && is_unknown(one); }) ||
                         std::all_of(rule.when.commands.begin(), rule.when.commands.end(),
                                     [](const WhenEntry& one) { return one.negated; });
  if (!concerned) return;
  put(verbs_[static_cast<std::size_t>(Verb::Unknown)], index);
  const std::uint8_t effects = imap::row_of(Verb::Unknown).effects;
  if (has(most_[class_index(effects)], index)) put(after_login_, index);
}

void Policy::compile_mailboxes(std::uint32_t index) {
  const Rule& rule = rules_[index];
  if (rule.when.mailboxes.empty()) return put(without_mailbox_, index);
  put(with_mailbox_, index);
  bool any_plain = false;
  for (const WhenEntry& one : rule.when.mailboxes) {
    any_plain = any_plain || !one.negated;
    const std::string glob = imap::canonical_name(one.text, '/');
    // Always the stricter reading: a restriction takes in more, an exception from it less.
    const bool folds = restricts(rule.action) != one.negated;
    GlobTable& table = folds ? folded_ : exact_;
    table.add(folds ? imap::folded_name(glob) : glob, {index, one.negated});
  }
  if (!any_plain) put(negated_only_, index);
}

// --- at login ----------------------------------------------------------------------------------------------

RuleSet Policy::settle(const Context& context, Moment moment) const {
  const Facts facts = facts_of(context, moment);
  RuleSet set(restricting_.size(), 0);
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (settled(rules_[i], facts)) put(set, i);
  if (moment != Moment::LoggedIn) return set;
  for (std::size_t i = 0; i < set.size(); ++i) {
    std::uint64_t wanted = after_login_[i];
    for (const Verb verb : kOnlyByName) wanted |= of_verb(verb)[i];
    set[i] &= wanted;
  }
  return set;
}

RuleSet Policy::scope(const RuleSet& set, Verb verb) const {
  RuleSet out = set;
  const RuleSet& of_its = of_verb(verb);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] &= of_its[i];
  return out;
}

bool Policy::asks_for_mailbox(const RuleSet& set) const noexcept {
  for (std::size_t i = 0; i < set.size(); ++i)
    if ((set[i] & with_mailbox_[i]) != 0) return true;
  return false;
}

bool Policy::holds(const RuleSet& set, RuleAction action) const noexcept {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (has(set, i) && rules_[i].action == action && rules_[i].mode == RuleMode::Enforce) return true;
  return false;
}

std::int32_t Policy::first_restriction(const RuleSet& set) const noexcept {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (has(set, i) && has(after_login_, i) && has(restricting_, i) && rules_[i].mode == RuleMode::Enforce)
      return static_cast<std::int32_t>(i);
  return RuleHits::kNone;
}

// --- at a mailbox ------------------------------------------------------------------------------------------

void Policy::apply(const GlobTable& table, const RuleSet& set, const Subject& subject,
                   MailboxGlobs::Reach reach, RuleSet& matched, RuleSet& excluded) const {
  const bool folds = &table == &folded_;
  const std::string& name = folds ? subject.folded : subject.name;
  const bool below = reach != MailboxGlobs::Reach::Name;
  const std::string levels = below ? begin_of_levels_below(name) : std::string();
  const Octets path = below ? Octets(levels) : Octets(name);
  table.globs->candidates(path, reach, [&](std::uint32_t number) {
    bool asked = false;
    for (const GlobUse& use : table.uses[number]) {
      if (!has(set, use.rule) || has(use.negated ? excluded : matched, use.rule)) continue;
      if (!asked && !table.globs->matches(number, path, reach)) return;
      asked = true;
      put(use.negated ? excluded : matched, use.rule);
    }
  });
}

RuleSet Policy::matching(const RuleSet& set, const Subject& subject) const {
  RuleSet matched = without_mailbox_;
  if (subject.kind == Subject::Kind::None) return matched;
  if (subject.kind == Subject::Kind::Unknown) {
    for (std::size_t i = 0; i < matched.size(); ++i) matched[i] |= restricting_[i];
    return matched;
  }
  for (std::size_t i = 0; i < matched.size(); ++i) matched[i] |= negated_only_[i];
  RuleSet excluded(matched.size(), 0);
  const bool below = subject.kind == Subject::Kind::Below;
  using Reach = MailboxGlobs::Reach;
  apply(folded_, set, subject, below ? Reach::AnyBelow : Reach::Name, matched, excluded);
  apply(exact_, set, subject, below ? Reach::AllBelow : Reach::Name, matched, excluded);
  for (std::size_t i = 0; i < matched.size(); ++i) matched[i] &= ~excluded[i];
  return matched;
}

// --- at a command ------------------------------------------------------------------------------------------

RuleHits Policy::first_match(const RuleSet& set, const Traits& traits, const RuleSet* mailbox) const {
  RuleHits hits;
  const RuleSet& classes = (traits.effect_known ? classes_ : most_)[class_index(traits.classes)];
  for (std::size_t i = 0; i < set.size(); ++i) {
    std::uint64_t word = set[i];
    if (mailbox != nullptr) word &= (*mailbox)[i];
    word &= classes[i];
    if (!traits.understood) word &= restricting_[i] | by_name_alone_[i];
    for (; word != 0; word &= word - 1) {
      const std::size_t index = i * kWordBits + static_cast<std::size_t>(std::countr_zero(word));
      const Rule& rule = rules_[index];
      if (traits.verb == Verb::Unknown && !command_matches(rule.when.commands, traits.name)) continue;
      if (!flags_match(rule, traits)) continue;
      const auto found = static_cast<std::int32_t>(index);
      if (rule.mode == RuleMode::Enforce) {
        hits.decided = found;
        return hits;
      }
      if (hits.observed == RuleHits::kNone) hits.observed = found;
    }
  }
  return hits;
}

}  // namespace postern::filters
