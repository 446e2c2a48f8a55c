// One of the `rules` as it stands in the file, decoded. What it means for a command is filters/policy's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/values.h"

namespace postern::config {

enum class RuleAction : std::uint8_t { Allow, Deny, ReadOnly, Organise, Disconnect };
// As it stands in the file.
inline std::string_view name_of(RuleAction action) noexcept {
  constexpr std::string_view kNames[] = {"allow", "deny", "read_only", "organise", "disconnect"};
  return kNames[static_cast<std::size_t>(action)];
}
enum class RuleMode : std::uint8_t { Enforce, Observe };

// One entry of a key of `when`; a leading "!" has been cut off.
struct WhenEntry {
  std::string text;
  bool negated = false;
  Mark mark;
};

struct WhenNetwork {
  Cidr network;
  bool negated = false;
};

// What must be true for a rule to match: keys are joined by AND, an empty one matches all. An entry that
// matches one of a key's plain entries (or the key has none) and none of its negated ones matches the key.
struct When {
  std::vector<WhenEntry> users;  // globs, case ignored
  std::vector<WhenNetwork> clients;
  std::vector<WhenEntry> listeners;     // globs
  std::vector<WhenEntry> sni;           // globs, case ignored
  std::optional<bool> tls;              // nothing: not asked
  std::vector<WhenEntry> tls_versions;  // "1.0" to "1.3"
  std::vector<WhenEntry> client_certs;  // "true", "false", or globs of the certificate's names
  std::vector<WhenEntry> commands;      // in capitals, without UID
  std::vector<WhenEntry> classes;       // read, write, destructive, auth, admin
  std::vector<WhenEntry> mailboxes;     // globs of canonical names: "*" stops at "/", "**" does not
  std::vector<WhenEntry> flags;
};

struct Rule {
  std::string name;  // "rule 3" where none was given
  When when;
  RuleAction action = RuleAction::Allow;
  RuleMode mode = RuleMode::Enforce;
  std::string reply;  // empty: the standard text
  Mark mark;
};

}  // namespace postern::config
