#include "filters/review/rule_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/joined.h"
#include "base/octets.h"
#include "config/suggest.h"
#include "filters/review/glob_cover.h"
#include "filters/review/rule_shadow.h"
#include "imap/verb.h"

namespace postern::server {
namespace {

using config::Case;
using config::GlobKind;
using config::Rule;
using config::WhenEntry;

template <typename Entries>
bool names_any(const Entries& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return !entry.negated; });
}

std::string some_named(const std::vector<WhenEntry>& entries) {
  constexpr std::size_t kShown = 4;
  std::vector<std::string_view> words;
  for (const WhenEntry& entry : entries)
    if (!entry.negated && words.size() <= kShown) words.push_back(entry.text);
  if (words.size() > kShown) words.back() = "…";
  return joined(words);
}

// Why nothing can pass this key: everything is excluded, or all that is named is.
std::optional<std::string> contradiction(std::string_view key, const std::vector<WhenEntry>& entries,
                                         GlobKind kind, Case wanted, Case excluded) {
  const Glob everything{kind == GlobKind::Mailbox ? "**" : "*", kind, wanted};
  const auto excludes = [&](const Glob& inner) {
    return std::find_if(entries.begin(), entries.end(), [&](const WhenEntry& entry) {
      return entry.negated && covers(Glob{entry.text, kind, excluded}, inner);
    });
  };
  const auto quoted = [](const WhenEntry& entry) {
    return config::in_quotes((entry.negated ? "!" : "") + entry.text);
  };
  if (const auto all = excludes(everything); all != entries.end())
    return std::string(key) + ": " + quoted(*all) + " excludes everything";
  std::optional<std::string> why;
  for (const WhenEntry& entry : entries) {
    if (entry.negated) continue;
    const auto found = excludes(Glob{entry.text, kind, wanted});
    if (found == entries.end()) return std::nullopt;
    why = std::string(key) + ": " + quoted(*found) + " excludes " + quoted(entry);
  }
  return why;
}

std::optional<std::string> contradiction(const std::vector<config::WhenNetwork>& networks) {
  bool named = false;
  for (const config::WhenNetwork& one : networks) {
    if (one.negated) continue;
    named = true;
    if (std::none_of(networks.begin(), networks.end(), [&](const config::WhenNetwork& other) {
          return other.negated && covers(other.network, one.network);
        }))
      return std::nullopt;
  }
  if (!named) return std::nullopt;
  return "client: each network that it names is excluded again";
}

class RuleCheck {
 public:
  explicit RuleCheck(const config::Settings& settings)
      : settings_(settings), kinds_(command_kinds(settings.rules)) {
    for (std::size_t i = 1; i < static_cast<std::size_t>(imap::Verb::kCount); ++i)
      if (const auto verb = static_cast<imap::Verb>(i); verb != imap::Verb::Done)
        verbs_.push_back(imap::name_of(verb));
    for (const Rule& rule : settings.rules) measured_.push_back(measured(rule, kinds_, settings.listeners));
  }

  std::vector<config::Diagnostic> run() {
    for (std::size_t i = 0; i < settings_.rules.size(); ++i) {
      const Rule& rule = settings_.rules[i];
      names(rule);
      if (const auto why = why_never(rule, measured_[i]))
        warn("never-matches", config::in_quotes(rule.name) + " never matches: " + *why, rule.mark);
      else
        shadow(i);
    }
    return std::move(found_);
  }

 private:
  void warn(std::string code, std::string message, const config::Mark& mark) {
    found_.push_back({config::Severity::Warning, std::move(code), std::move(message), mark, ""});
  }

  // Entries that mean nothing, whatever the rule is.
  void names(const Rule& rule) {
    for (const WhenEntry& entry : rule.when.commands) {
      const imap::Verb verb = imap::verb_of(entry.text);
      if (verb == imap::Verb::Unknown || verb == imap::Verb::Done)
        warn("unknown-command",
             "command: " + config::in_quotes(entry.text) + " is no command that this version knows" +
                 config::suggestion(entry.text, verbs_),
             entry.mark);
    }
    for (const WhenEntry& entry : rule.when.listeners) {
      if (std::none_of(settings_.listeners.begin(), settings_.listeners.end(), [&](const auto& listener) {
            return config::matches_glob(entry.text, listener.name, Case::Exact);
          }))
        warn("never-matches", "no listener has a name like " + config::in_quotes(entry.text), entry.mark);
    }
  }

  std::optional<std::string> why_never(const Rule& rule, const MeasuredRule& measure) const {
    const config::When& when = rule.when;
    if (std::none_of(measure.listeners.begin(), measure.listeners.end(), [](bool meant) { return meant; }))
      return "no listener is left";
    if (auto why = why_no_command(rule)) return why;
    if (auto why = contradiction("user", when.users, GlobKind::Word, Case::Ignored, Case::Ignored))
      return why;
    if (auto why = contradiction(when.clients)) return why;
    if (auto why = contradiction("sni", when.sni, GlobKind::Word, Case::Ignored, Case::Ignored)) return why;
    if (auto why =
            contradiction("mailbox", measure.mailboxes, GlobKind::Mailbox,
                          letters_of_mailboxes(rule.action, false), letters_of_mailboxes(rule.action, true)))
      return why;
    return why_no_tls(when, measure);
  }

  // The keys command, class, flag and mailbox together: is there a command that passes them all?
  std::optional<std::string> why_no_command(const Rule& rule) const {
    const config::When& when = rule.when;
    std::vector<const CommandKind*> left;
    for (const CommandKind& kind : kinds_)
      if (passes_commands(rule, kind)) left.push_back(&kind);
    const auto keep = [&](auto passes) {
      left.erase(std::remove_if(left.begin(), left.end(), [&](const auto* kind) { return !passes(*kind); }),
                 left.end());
      return !left.empty();
    };
    const std::string which = names_any(when.commands) ? "none of " + some_named(when.commands)
                                                       : std::string("no command that is left");
    if (left.empty())
      return "command: each one that it names is excluded again, or is LOGOUT, from which nobody is kept";
    if (!keep([&](const CommandKind& kind) { return passes_classes(when, kind); }))
      return "class: " + which + " is of class " +
             (names_any(when.classes) ? some_named(when.classes) + ", as far as it is not excluded"
                                      : "any other than the excluded ones");
    if (!when.flags.empty() && !keep([](const CommandKind& kind) { return kind.takes_flags; }))
      return "flag: " + which + " names flags; STORE, APPEND and REPLACE do";
    if (!when.mailboxes.empty() && !keep([](const CommandKind& kind) { return kind.has_mailbox; }))
      return "mailbox: " + which + " has a mailbox that rules look at";
    return std::nullopt;
  }

  struct Transport {
    bool clear = false;  // some of the sessions may not be protected, at least before STARTTLS
    bool tls = false;
  };
  Transport transport_of(const config::When& when, const MeasuredRule& measure) const {
    Transport out;
    for (std::size_t i = 0; i < settings_.listeners.size(); ++i) {
      if (!measure.listeners[i]) continue;
      out.clear = out.clear || settings_.listeners[i].tls != config::ListenerTls::Implicit;
      out.tls = out.tls || settings_.listeners[i].tls != config::ListenerTls::Off;
    }
    out.clear = out.clear && when.tls != true;
    out.tls = out.tls && when.tls != false;
    return out;
  }

  std::optional<std::string> why_no_tls(const config::When& when, const MeasuredRule& measure) const {
    const Transport transport = transport_of(when, measure);
    if (!transport.clear && !transport.tls)
      return *when.tls ? "tls: true, and no listener that is meant has TLS"
                       : "tls: false, and each listener that is meant has TLS from the first octet";
    if (!transport.tls && (names_any(when.tls_versions)))
      return "tls_version: none of the sessions that are meant has TLS";
    if (const bool clear = transport.clear && !names_any(when.tls_versions);
        !clear && !has_version(when.tls_versions))
      return "tls_version: all that is left is below tls.min_version (" +
             std::string(config::name_of(settings_.tls.min_version)) + ") or excluded";
    return why_no_certificate(when.client_certs, transport);
  }

  bool has_version(const std::vector<WhenEntry>& entries) const {
    const auto has = [&](std::string_view version, bool negated) {
      return std::any_of(entries.begin(), entries.end(), [&](const WhenEntry& entry) {
        return entry.negated == negated && entry.text == version;
      });
    };
    for (auto version = settings_.tls.min_version; version <= config::TlsVersion::Tls13;
         version = static_cast<config::TlsVersion>(static_cast<int>(version) + 1)) {
      const std::string_view text = config::name_of(version);
      if (!has(text, true) && (has(text, false) || !names_any(entries))) return true;
    }
    return false;
  }

  // "false" is the session that has none; everything else needs one.
  std::optional<std::string> why_no_certificate(const std::vector<WhenEntry>& entries,
                                                const Transport& transport) const {
    if (entries.empty()) return std::nullopt;
    bool without = !names_any(entries);
    bool with = without;
    for (const WhenEntry& entry : entries) {
      if (entry.negated) continue;
      (entry.text == "false" ? without : with) = true;
    }
    for (const WhenEntry& entry : entries) {
      if (entry.negated && entry.text == "false") without = false;
      if (entry.negated && entry.text == "true") with = false;
    }
    const config::ClientAuth mode = settings_.tls.client_auth.mode;
    const bool may_have = mode != config::ClientAuth::Off && transport.tls;
    const bool may_lack = mode != config::ClientAuth::Require || transport.clear;
    if ((with && may_have) || (without && may_lack)) return std::nullopt;
    if (!with && !without) return "client_cert: everything that it names is excluded again";
    if (!with) return "client_cert: no session is without one, as tls.client_auth.mode is require";
    if (mode == config::ClientAuth::Off)
      return "client_cert: no client is asked for one, as tls.client_auth.mode is off";
    return "client_cert: none of the sessions that are meant has TLS";
  }

  // The first enforced rule before it that decides all that this one could.
  void shadow(std::size_t index) {
    const Rule& rule = settings_.rules[index];
    for (std::size_t i = 0; i < index; ++i) {
      const Rule& earlier = settings_.rules[i];
      if (earlier.mode != config::RuleMode::Enforce || !covers(measured_[i], measured_[index])) continue;
      const bool unread =
          earlier.action == config::RuleAction::Allow && rule.action != config::RuleAction::Allow;
      warn("shadowed",
           config::in_quotes(rule.name) +
               (unread ? " decides only what cannot be read: " : " never decides: ") +
               config::in_quotes(earlier.name) + " (" + config::place_text(earlier.mark) +
               ") comes first and matches all that it matches",
           rule.mark);
      return;
    }
  }

  const config::Settings& settings_;
  std::vector<CommandKind> kinds_;
  std::vector<MeasuredRule> measured_;
  std::vector<std::string_view> verbs_;
  std::vector<config::Diagnostic> found_;
};

}  // namespace

std::vector<config::Diagnostic> check_rules(const config::Settings& settings) {
  if (settings.rules.empty()) return {};
  return RuleCheck(settings).run();
}

}  // namespace postern::server
