// The commands of IMAP: RFC 3501, 9051 and the extensions of the IANA registry, one table. What the scanners,
// the session and policy must know of a verb stands in its row and nowhere else. A verb that has a row has an
// understood shape; what does not is Verb::Unknown and judged as such. Pure, constant.
#pragma once

#include <array>
#include <cstdint>

#include "base/octets.h"

namespace postern::imap {

enum class Verb : std::uint8_t {
  Unknown,
  Append,
  Authenticate,
  Cancelupdate,
  Capability,
  Check,
  Close,
  Compress,
  Copy,
  Create,
  Delete,
  Deleteacl,
  Done,  // not a command: the end of IDLE, named for metrics and logs
  Enable,
  Esearch,
  Examine,
  Expunge,
  Fetch,
  Genurlauth,
  Getacl,
  Getjmapaccess,
  Getmetadata,
  Getquota,
  Getquotaroot,
  Id,
  Idle,
  List,
  Listrights,
  Login,
  Logout,
  Lsub,
  Move,
  Myrights,
  Namespace,
  Noop,
  Notify,
  Rename,
  Replace,
  Resetkey,
  Search,
  Select,
  Setacl,
  Setmetadata,
  Setquota,
  Sort,
  Starttls,
  Status,
  Store,
  Subscribe,
  Thread,
  Unauthenticate,
  Uidbatches,
  Unselect,
  Unsubscribe,
  Urlfetch,
  Xapplepushservice,
  Xlist,
  kCount,
};

// What a command can do (protocol.md §5), as bits: a verb may be of several classes, or of none (NOOP).
namespace effect {
inline constexpr std::uint8_t kReads = 1;
inline constexpr std::uint8_t kWrites = 2;    // can change a mailbox or its metadata
inline constexpr std::uint8_t kDestroys = 4;  // mail can be gone afterwards
inline constexpr std::uint8_t kMayDestroy =
    8;  // … that depends on its flags, or on how the mailbox is selected
inline constexpr std::uint8_t kAuthenticates = 16;
inline constexpr std::uint8_t kAdministers = 32;  // ACL, quota and metadata

// The classes that have a name in rules and explanations.
struct ClassName {
  Octets name;
  std::uint8_t bit;
};
inline constexpr std::array<ClassName, 5> kClasses{{{"read", kReads},
                                                    {"write", kWrites},
                                                    {"destructive", kDestroys},
                                                    {"auth", kAuthenticates},
                                                    {"admin", kAdministers}}};
// 0 for a word that names none.
constexpr std::uint8_t class_bit(Octets name) noexcept {
  for (const ClassName& one : kClasses)
    if (one.name == name) return one.bit;
  return 0;
}
}  // namespace effect

namespace trait {
inline constexpr std::uint8_t kTakesUid = 1;  // `UID name` exists
inline constexpr std::uint8_t kSelected = 2;  // works on the selected mailbox
inline constexpr std::uint8_t kBarrier = 4;   // nothing behind it goes upstream before it is answered
inline constexpr std::uint8_t kCountedBarrier =
    8;                                     // … where deletions are recorded or counted (audit, brake)
inline constexpr std::uint8_t kPlus = 16;  // the server answers it with "+", whatever its arguments
}  // namespace trait

// What stands at a place among a command's arguments, as far as mailboxes go.
enum class Argument : std::uint8_t {
  None,       // the end: nothing behind it names a mailbox
  Skipped,    // one argument of another kind: a sequence set
  Options,    // a list in parentheses that may be missing
  Opened,     // a mailbox that becomes the selected one
  Named,      // a mailbox that is asked about, or whose metadata change
  Source,     // a mailbox that is renamed or deleted
  Target,     // a mailbox that mail or a name comes to
  Reference,  // LIST's
  Patterns,   // LIST's: one pattern, or a list of them
  Message,    // messages to be stored: CATENATE's URLs name mailboxes (RFC 4469)
  Events,     // NOTIFY's event groups (RFC 5465)
  Scope,      // ESEARCH's IN (…) (RFC 7377)
  Urls,       // URLs up to the end (RFC 4467)
  Pairs,      // names and values; the value of "mailboxes" is a list of them (XAPPLEPUSHSERVICE)
};

struct VerbRow {
  Verb verb;
  Octets name;  // in capitals, as logs and metrics show it
  std::uint8_t effects;
  std::uint8_t traits;
  Octets literals;  // its arguments where one may be a literal (command_grammar.cc says which letter is what)
  std::array<Argument, 3> arguments;
};
const VerbRow& row_of(Verb verb) noexcept;

// `name` without the UID prefix, any case. Verb::Unknown where the table has none.
Verb verb_of(Octets name) noexcept;
// "OTHER" for Unknown.
inline Octets name_of(Verb verb) noexcept { return row_of(verb).name; }
inline bool takes_uid(Verb verb) noexcept { return (row_of(verb).traits & trait::kTakesUid) != 0; }
// After these nothing is forwarded until they are answered (protocol.md §3, "Barriers").
inline bool is_barrier(Verb verb) noexcept { return (row_of(verb).traits & trait::kBarrier) != 0; }
inline bool is_counted_barrier(Verb verb) noexcept {
  return (row_of(verb).traits & trait::kCountedBarrier) != 0;
}
inline bool needs_plus(Verb verb) noexcept { return (row_of(verb).traits & trait::kPlus) != 0; }

}  // namespace postern::imap
