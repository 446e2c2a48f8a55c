#include "sim/naive_rules.h"

#include <algorithm>
#include <cctype>

#include "config/match.h"
#include "imap/mailbox_name.h"

namespace postern::sim {
namespace {

using config::Rule;
using config::RuleAction;
using config::WhenEntry;
using filters::Context;
using imap::MailboxRole;
using imap::Verb;
using std::string;

bool restricting(const Rule& rule) { return rule.action != RuleAction::Allow; }

bool is_one_of(Verb verb, std::initializer_list<Verb> verbs) {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

bool only_by_name(Verb verb) {
  return is_one_of(verb, {Verb::Capability, Verb::Noop, Verb::Logout, Verb::Id, Verb::Starttls});
}

template <typename Entry, typename Matches>
bool key(const std::vector<Entry>& entries, Matches matches) {
  bool plain = false;
  bool plain_matches = false;
  for (const Entry& entry : entries) {
    if (entry.negated && matches(entry)) return false;
    if (!entry.negated) plain = true;
    if (!entry.negated && matches(entry)) plain_matches = true;
  }
  return !plain || plain_matches;
}

bool glob(const string& pattern, const string& text) {
  return config::matches_glob(pattern, text, config::Case::Ignored);
}

// Mailbox globs, by trying everything. What is left of the glob where the text is used up is told to `rest`.
template <typename Rest>
bool try_glob(const string& pattern, std::size_t p, const string& text, std::size_t t, Rest rest) {
  if (t == text.size() && rest(pattern.substr(p))) return true;
  if (p == pattern.size()) return false;
  if (pattern[p] != '*') {
    return t < text.size() && pattern[p] == text[t] && try_glob(pattern, p + 1, text, t + 1, rest);
  }
  std::size_t behind = p;
  while (behind < pattern.size() && pattern[behind] == '*') ++behind;
  const bool any_level = behind - p > 1;
  if (try_glob(pattern, behind, text, t, rest)) return true;
  return t < text.size() && (any_level || text[t] != '/') && try_glob(pattern, p, text, t + 1, rest);
}

bool matches_name(const string& pattern, const string& name) {
  return try_glob(pattern, 0, name, 0, [](const string& rest) { return rest.empty(); });
}
bool could_match_below(const string& pattern, const string& name) {
  const string path = name.empty() ? "" : name + "/";
  return try_glob(pattern, 0, path, 0, [](const string& rest) { return !rest.empty(); });
}
bool matches_all_below(const string& pattern, const string& name) {
  const string path = name.empty() ? "" : name + "/";
  return try_glob(pattern, 0, path, 0, [](const string& rest) {
    return rest.find_first_not_of('*') == string::npos && rest.find("**") != string::npos;
  });
}

bool of_class(const string& word, std::uint8_t classes) {
  const std::uint8_t bit = word == "read"          ? imap::effect::kReads
                           : word == "write"       ? imap::effect::kWrites
                           : word == "destructive" ? imap::effect::kDestroys
                           : word == "auth"        ? imap::effect::kAuthenticates
                                                   : imap::effect::kAdministers;
  return (classes & bit) != 0;
}

// Of a command that could be of some of these classes, nobody knows which.
bool class_could_match(const std::vector<WhenEntry>& entries, std::uint8_t most) {
  for (unsigned some = 0; some < 256; ++some) {
    const auto classes = static_cast<std::uint8_t>(some);
    if ((classes & ~most) == 0 &&
        key(entries, [&](const WhenEntry& one) { return of_class(one.text, classes); }))
      return true;
  }
  return false;
}

bool destroys(const imap::CommandEffect& effect) {
  return effect.marks || (effect.classes & imap::effect::kDestroys) != 0;
}

bool session_matches(const Rule& rule, const Context& context, bool user_known) {
  const config::When& when = rule.when;
  if (when.tls && *when.tls != context.tls.secure) return false;
  if (!when.users.empty()) {
    if (!user_known) return false;
    if (context.user.empty() && !restricting(rule)) return false;
    if (!context.user.empty() &&
        !key(when.users, [&](const WhenEntry& one) { return glob(one.text, context.user); }))
      return false;
  }
  if (!when.clients.empty()) {
    const auto address = config::parse_address(context.facts.client_address);
    if (!address && !restricting(rule)) return false;
    if (address && !key(when.clients, [&](const config::WhenNetwork& one) {
          return config::contains(one.network, *address);
        }))
      return false;
  }
  if (!key(when.listeners, [&](const WhenEntry& one) {
        return config::matches_glob(one.text, context.facts.listener, config::Case::Exact);
      }))
    return false;
  const string& sni = context.facts.connected_name.empty() ? context.tls.sni : context.facts.connected_name;
  if (!key(when.sni, [&](const WhenEntry& one) { return glob(one.text, sni); })) return false;
  if (!when.tls_versions.empty()) {
    if (!context.tls.secure && !restricting(rule)) return false;
    const string version = context.tls.secure ? string("1.") + char('0' + context.tls.minor) : "none";
    if (!key(when.tls_versions, [&](const WhenEntry& one) { return one.text == version; })) return false;
  }
  if (when.client_certs.empty()) return true;
  const ClientCertificate* certificate = context.tls.client_cert.get();
  bool asks_whether = false;
  for (const WhenEntry& one : when.client_certs)
    asks_whether = asks_whether || one.text == "true" || one.text == "false";
  if (certificate == nullptr && !asks_whether && !restricting(rule)) return false;
  return key(when.client_certs, [&](const WhenEntry& one) {
    if (one.text == "true") return certificate != nullptr;
    if (one.text == "false") return certificate == nullptr;
    if (certificate == nullptr) return false;
    std::vector<string> names{certificate->subject, certificate->common_name};
    names.insert(names.end(), certificate->emails.begin(), certificate->emails.end());
    names.insert(names.end(), certificate->upns.begin(), certificate->upns.end());
    for (const string& name : names)
      if (!name.empty() && glob(one.text, name)) return true;
    return false;
  });
}

bool names_command(const Rule& rule, const string& name) {
  for (const WhenEntry& one : rule.when.commands)
    if (!one.negated && one.text == name) return true;
  return false;
}

bool is_read_only(const Context& context) { return context.selected && context.selected->read_only; }

bool is_ambiguous(const string& name, const Context& context) {
  if (context.naming.knows_separator()) return false;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) return true;
  return false;
}

std::vector<string> readings(const imap::MailboxUse& use, const Context& context) {
  const auto encoding = use.utf8 ? imap::NameEncoding::Utf8 : context.naming.encoding();
  const imap::CanonicalName canonical = context.naming.canonical(use.name, encoding);
  std::vector<string> out{canonical.name};
  if (canonical.other) out.push_back(*canonical.other);
  return out;
}

int strength(const string& what) { return what == "close" ? 3 : what == "deny" ? 2 : what == "pass" ? 0 : 1; }

int strength(RuleAction action) {
  switch (action) {
    case RuleAction::Allow:
      return 0;
    case RuleAction::ReadOnly:
      return 1;
    case RuleAction::Organise:
      return 2;
    case RuleAction::Deny:
      return 3;
    case RuleAction::Disconnect:
      return 4;
  }
  return 4;
}

}  // namespace

string NaiveVerdict::shown() const {
  return what + " by " + std::to_string(decided) + ", observed " + std::to_string(observed);
}

NaiveVerdict NaiveRules::login(Verb verb, const Context& context) const {
  Asked asked{verb, string(imap::name_of(verb)), {}, {}, true};
  asked.effect.classes = imap::row_of(verb).effects;
  NaiveVerdict verdict = judge(asked, context);
  // What is about mailboxes does nothing to a login.
  const auto about_mailboxes = [&](int rule) {
    if (rule < 0) return false;
    const RuleAction action = settings_.rules[static_cast<std::size_t>(rule)].action;
    return action == RuleAction::ReadOnly || action == RuleAction::Organise;
  };
  if (about_mailboxes(verdict.decided)) verdict.decided = -1;
  if (about_mailboxes(verdict.observed)) verdict.observed = -1;
  return verdict;
}

NaiveVerdict NaiveRules::command(const imap::Command& command, const Context& context) {
  Asked asked{command.verb, {}, {}, imap::mailboxes_of(command), true};
  if (!context.logged_in && (command.tag.empty() || !only_by_name(command.verb))) return {};
  if (command.tag.empty()) {
    asked.verb = append_verb_;
    asked.effect = reader_.next(command);
    asked.uses.named.insert(asked.uses.named.begin(), append_uses_.named.begin(), append_uses_.named.end());
    asked.uses.selected = asked.uses.selected || append_uses_.selected;
    asked.effect.complete = asked.effect.complete && append_complete_;
    asked.uses.complete = asked.uses.complete && append_uses_.complete;
    asked.name = imap::name_of(asked.verb);
    return judge(asked, context);
  }
  asked.effect = imap::effect_of(command, is_read_only(context));
  asked.name = command.verb == Verb::Unknown ? to_upper(command.name) : string(imap::name_of(command.verb));
  if (!context.logged_in) {
    asked.user_known = false;
    return judge(asked, context);
  }
  if (command.body) {
    append_verb_ = command.verb;
    append_uses_ = asked.uses;
    append_complete_ = asked.effect.complete;
    reader_.begin(command);
  }
  NaiveVerdict verdict = judge(asked, context);
  const int restricted_by = restriction(context);
  const bool allowed =
      verdict.decided >= 0 && !restricting(settings_.rules[static_cast<std::size_t>(verdict.decided)]);
  if (command.verb == Verb::Unknown && restricted_by >= 0 && !allowed && verdict.what != "close") {
    verdict.what = "cannot";
    if (verdict.decided < 0) verdict.decided = restricted_by;
  }
  return verdict;
}

// The first rule in force that could refuse something to this session after login.
int NaiveRules::restriction(const Context& context) const {
  for (std::size_t i = 0; i < settings_.rules.size(); ++i) {
    const Rule& rule = settings_.rules[i];
    if (!restricting(rule) || rule.mode == config::RuleMode::Observe || !session_matches(rule, context, true))
      continue;
    bool names_unknown = std::all_of(rule.when.commands.begin(), rule.when.commands.end(),
                                     [](const WhenEntry& one) { return one.negated; });
    for (const WhenEntry& one : rule.when.commands)
      if (!one.negated && imap::verb_of(one.text) == Verb::Unknown) names_unknown = true;
    if (names_unknown && class_could_match(rule.when.classes, imap::row_of(Verb::Unknown).effects))
      return static_cast<int>(i);
    for (std::size_t v = 0; v < static_cast<std::size_t>(Verb::kCount); ++v) {
      const Verb verb = static_cast<Verb>(v);
      if (only_by_name(verb) ||
          is_one_of(verb, {Verb::Unknown, Verb::Login, Verb::Authenticate, Verb::Unauthenticate, Verb::Done}))
        continue;
      const bool named = key(rule.when.commands,
                             [&](const WhenEntry& one) { return one.text == string(imap::name_of(verb)); });
      const std::uint8_t effects = imap::row_of(verb).effects;
      const bool may_destroy = (effects & imap::effect::kMayDestroy) != 0;
      const auto most = static_cast<std::uint8_t>(effects | (may_destroy ? imap::effect::kDestroys : 0));
      if (named && class_could_match(rule.when.classes, most)) return static_cast<int>(i);
    }
  }
  return -1;
}

std::vector<NaiveRules::Mailbox> NaiveRules::mailboxes(const Asked& asked, const Context& context) const {
  using Kind = Mailbox::Kind;
  std::vector<Mailbox> out;
  const auto add = [&](const imap::MailboxUse& use) {
    if (use.role == MailboxRole::Pattern || use.role == MailboxRole::Reference) return;
    const bool below =
        use.role == MailboxRole::Subtree || asked.verb == Verb::Delete || asked.verb == Verb::Rename;
    if (use.name.empty() && use.role != MailboxRole::Subtree) return;
    if (is_ambiguous(use.name, context)) return out.push_back({Kind::Unknown, ""});
    for (const string& name : readings(use, context)) {
      if (!name.empty()) out.push_back({Kind::Name, name});
      if (below) out.push_back({Kind::Below, name});
    }
  };
  for (const imap::MailboxUse& use : asked.uses.named) add(use);
  if (asked.uses.selected && context.selected) add({MailboxRole::Opened, context.selected->name, false});
  if (!asked.uses.complete) out.push_back({Kind::Unknown, ""});
  if (out.empty()) out.push_back({destroys(asked.effect) ? Kind::Unknown : Kind::None, ""});
  return out;
}

NaiveVerdict NaiveRules::judge(const Asked& asked, const Context& context) const {
  NaiveVerdict strictest;
  int most = -1;
  int observed = -1;
  for (const Mailbox& mailbox : mailboxes(asked, context)) {
    const NaiveVerdict one = judge_for(mailbox, asked, context);
    const int now =
        10 * strength(one.what) +
        (one.decided < 0 ? 0 : 1 + strength(settings_.rules[static_cast<std::size_t>(one.decided)].action));
    if (one.observed >= 0 && (observed < 0 || one.observed < observed)) observed = one.observed;
    if (now > most) strictest = one;
    most = std::max(most, now);
  }
  strictest.observed = observed;
  return strictest;
}

NaiveVerdict NaiveRules::judge_for(const Mailbox& mailbox, const Asked& asked, const Context& context) const {
  NaiveVerdict verdict;
  for (std::size_t i = 0; i < settings_.rules.size(); ++i) {
    const Rule& rule = settings_.rules[i];
    if (!matches(rule, mailbox, asked, context)) continue;
    if (rule.mode == config::RuleMode::Observe) {
      if (verdict.observed < 0) verdict.observed = static_cast<int>(i);
      continue;
    }
    verdict.decided = static_cast<int>(i);
    verdict.what = outcome(rule, asked, context);
    return verdict;
  }
  return verdict;
}

bool NaiveRules::matches(const Rule& rule, const Mailbox& mailbox, const Asked& asked,
                         const Context& context) const {
  const config::When& when = rule.when;
  const bool strict = restricting(rule);
  if (!session_matches(rule, context, asked.user_known)) return false;
  if (!key(when.commands, [&](const WhenEntry& one) { return one.text == asked.name; })) return false;
  if (only_by_name(asked.verb) && !names_command(rule, asked.name)) return false;
  if (asked.verb == Verb::Logout && strict && rule.action != RuleAction::Disconnect) return false;
  const bool understood = asked.uses.complete && asked.effect.complete;
  if (!understood && !strict)
    return names_command(rule, asked.name) && when.classes.empty() && when.mailboxes.empty() &&
           when.flags.empty();
  if (!asked.effect.complete && !class_could_match(when.classes, asked.effect.classes)) return false;
  if (asked.effect.complete) {
    if (!key(when.classes, [&](const WhenEntry& one) { return of_class(one.text, asked.effect.classes); }))
      return false;
    const auto flag_matches = [&](Octets flag) {
      return key(when.flags, [&](const WhenEntry& one) { return glob(one.text, string(flag)); });
    };
    const std::vector<Octets>& flags = asked.effect.flags;
    if (!when.flags.empty() && strict && std::none_of(flags.begin(), flags.end(), flag_matches)) return false;
    if (!when.flags.empty() && !strict &&
        (flags.empty() || !std::all_of(flags.begin(), flags.end(), flag_matches)))
      return false;
  }
  if (when.mailboxes.empty()) return true;
  if (mailbox.kind == Mailbox::Kind::None) return false;
  if (mailbox.kind == Mailbox::Kind::Unknown) return strict;
  return key(when.mailboxes, [&](const WhenEntry& one) {
    const bool generous = strict != one.negated;  // takes in all that it could mean
    string pattern = imap::canonical_name(one.text, '/');
    string name = mailbox.name;
    if (generous) {
      pattern = imap::folded_name(pattern);
      name = imap::folded_name(name);
    }
    if (mailbox.kind == Mailbox::Kind::Name) return matches_name(pattern, name);
    return generous ? could_match_below(pattern, name) : matches_all_below(pattern, name);
  });
}

string NaiveRules::outcome(const Rule& rule, const Asked& asked, const Context& context) const {
  const bool close = asked.verb == Verb::Close;
  const string closed = is_read_only(context) ? "pass" : "keep-mail";
  const bool writes = destroys(asked.effect) || (asked.effect.classes & imap::effect::kWrites) != 0;
  switch (rule.action) {
    case RuleAction::Allow:
      return "pass";
    case RuleAction::Disconnect:
      return "close";
    case RuleAction::Deny:
      return close && !rule.when.classes.empty() && !names_command(rule, "CLOSE") ? closed : "deny";
    case RuleAction::ReadOnly:
      if (asked.verb == Verb::Select) return "examine";
      if (close) return closed;
      return writes ? "deny" : "pass";
    case RuleAction::Organise:
      if (close) return closed;
      return destroys(asked.effect) && !may_move(asked, context) ? "deny" : "pass";
  }
  return "deny";
}

bool NaiveRules::may_move(const Asked& asked, const Context& context) const {
  if (asked.verb != Verb::Move && asked.verb != Verb::Rename) return false;
  if (!asked.uses.complete || !asked.effect.complete) return false;
  const bool asked_special = context.special && context.special->known;
  if (settings_.trash.empty() && !asked_special) return false;
  std::vector<string> trash;
  for (const string& name : settings_.trash) trash.push_back(imap::canonical_name(name, '/'));
  if (context.special)
    for (const string& name : context.special->trash)
      for (const string& one : readings({MailboxRole::Named, name, false}, context)) trash.push_back(one);
  bool target = false;
  for (const imap::MailboxUse& use : asked.uses.named) {
    if (is_ambiguous(use.name, context)) return false;
    if (use.role == MailboxRole::Target) target = true;
    for (const string& name : readings(use, context)) {
      const string folded = imap::folded_name(name);
      if (use.role == MailboxRole::Source && folded == "inbox") return false;
      if (use.role != MailboxRole::Target) continue;
      for (const string& one : trash)
        for (const string& root : {string(), string("inbox/")}) {
          const string bin = root + imap::folded_name(one);
          if (folded == bin || folded.starts_with(bin + "/")) return false;
        }
    }
  }
  return target;
}

}  // namespace postern::sim
