#include "filters/review/rule_shadow.h"

#include <algorithm>

#include "base/octets.h"
#include "filters/review/glob_cover.h"
#include "imap/mailbox_name.h"

namespace postern::server {
namespace {

using config::Case;
using config::GlobKind;
using config::RuleAction;
using config::WhenEntry;
using config::WhenNetwork;

// Does an entry of the outer rule match all that an entry of the inner one matches?
template <typename Entry, typename EntryCovers, typename Apart>
bool key_covers(const std::vector<Entry>& outer, const std::vector<Entry>& inner, EntryCovers entry_covers,
                Apart apart) {
  const auto any = [&](const std::vector<Entry>& entries, bool negated, auto test) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const Entry& entry) { return entry.negated == negated && test(entry); });
  };
  const auto every = [](const Entry&) { return true; };
  const bool outer_names = any(outer, false, every);
  const bool inner_names = any(inner, false, every);
  if (outer_names && !inner_names) return false;  // also what has none of it is the inner rule's
  if (outer_names && any(inner, false, [&](const Entry& wanted) {
        return !any(outer, false, [&](const Entry& one) { return entry_covers(one, wanted); });
      }))
    return false;
  // What the outer rule leaves out, the inner one has to leave out, too, or never reach.
  return !any(outer, true, [&](const Entry& excluded) {
    if (any(inner, true, [&](const Entry& one) { return entry_covers(one, excluded); })) return false;
    return !inner_names || any(inner, false, [&](const Entry& one) { return !apart(excluded, one); });
  });
}

bool never_apart(const WhenEntry&, const WhenEntry&) noexcept { return false; }

Glob word_of(const WhenEntry& entry) noexcept { return {entry.text, GlobKind::Word, Case::Ignored}; }

bool words_cover(const std::vector<WhenEntry>& outer, const std::vector<WhenEntry>& inner) {
  return key_covers(
      outer, inner, [](const WhenEntry& a, const WhenEntry& b) { return covers(word_of(a), word_of(b)); },
      [](const WhenEntry& excluded, const WhenEntry& wanted) {
        return !word_of(wanted).has_wildcard() && !config::matches(word_of(excluded), wanted.text);
      });
}

bool networks_cover(const std::vector<WhenNetwork>& outer, const std::vector<WhenNetwork>& inner) {
  return key_covers(
      outer, inner, [](const WhenNetwork& a, const WhenNetwork& b) { return covers(a.network, b.network); },
      [](const WhenNetwork& a, const WhenNetwork& b) {
        return !covers(a.network, b.network) && !covers(b.network, a.network);
      });
}

bool mailboxes_cover(const MeasuredRule& outer, const MeasuredRule& inner) {
  return key_covers(
      outer.mailboxes, inner.mailboxes,
      [&](const WhenEntry& a, const WhenEntry& b) {
        const auto of = [](const MeasuredRule& measure, const WhenEntry& entry) {
          return Glob{entry.text, GlobKind::Mailbox,
                      letters_of_mailboxes(measure.rule->action, entry.negated)};
        };
        // A negated entry of the inner rule is asked whether it covers one of the outer's.
        return a.negated ? covers(of(inner, a), of(outer, b)) : covers(of(outer, a), of(inner, b));
      },
      never_apart);
}

// An allowing rule wants all flags that a command names to be its own, a restricting one wants one of them.
bool flags_cover(const config::Rule& outer, const config::Rule& inner) {
  if (outer.when.flags.empty()) return true;
  if (outer.action == RuleAction::Allow && inner.action != RuleAction::Allow) return false;
  return key_covers(
      outer.when.flags, inner.when.flags,
      [](const WhenEntry& a, const WhenEntry& b) { return equals_ignoring_case(a.text, b.text); },
      never_apart);
}

bool certificates_cover(const std::vector<WhenEntry>& outer, const std::vector<WhenEntry>& inner) {
  return key_covers(
      outer, inner,
      [](const WhenEntry& a, const WhenEntry& b) {
        return a.text == b.text || (a.text == "true" && b.text != "false");
      },
      never_apart);
}

bool versions_cover(const std::vector<WhenEntry>& outer, const std::vector<WhenEntry>& inner) {
  return key_covers(
      outer, inner, [](const WhenEntry& a, const WhenEntry& b) { return a.text == b.text; },
      [](const WhenEntry& a, const WhenEntry& b) { return a.text != b.text; });
}

}  // namespace

MeasuredRule measured(const config::Rule& rule, const std::vector<CommandKind>& kinds,
                      const std::vector<config::Listener>& listeners) {
  MeasuredRule out{&rule, RuleScope(rule, kinds), {}, rule.when.mailboxes};
  for (WhenEntry& entry : out.mailboxes) entry.text = imap::canonical_name(entry.text, '/');
  for (const config::Listener& listener : listeners)
    out.listeners.push_back(config::key_matches(rule.when.listeners, [&](const WhenEntry& entry) {
      return config::matches_glob(entry.text, listener.name, Case::Exact);
    }));
  return out;
}

bool covers(const MeasuredRule& outer, const MeasuredRule& inner) {
  const config::When& a = outer.rule->when;
  const config::When& b = inner.rule->when;
  for (std::size_t i = 0; i < outer.listeners.size(); ++i)
    if (inner.listeners[i] && !outer.listeners[i]) return false;
  return outer.scope.covers(inner.scope) && (!a.tls || a.tls == b.tls) && words_cover(a.users, b.users) &&
         networks_cover(a.clients, b.clients) && words_cover(a.sni, b.sni) &&
         versions_cover(a.tls_versions, b.tls_versions) &&
         certificates_cover(a.client_certs, b.client_certs) && mailboxes_cover(outer, inner) &&
         flags_cover(*outer.rule, *inner.rule);
}

}  // namespace postern::server
