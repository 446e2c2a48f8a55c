#include "imap/verb.h"

#include <cstddef>

namespace postern::imap {
namespace {

using enum Argument;
using namespace effect;
using namespace trait;

constexpr std::uint8_t kRemoves = kWrites | kDestroys;

constexpr std::size_t kVerbs = static_cast<std::size_t>(Verb::kCount);

// In the order of the enumeration, so grouped by first letter. An unknown verb may do anything.
constexpr std::array<VerbRow, kVerbs> kTable{{
    {Verb::Unknown, "OTHER", kRemoves, kSelected, "", {}},
    {Verb::Append, "APPEND", kWrites | kMayDestroy, 0, "mM", {Target, Message}},
    {Verb::Authenticate, "AUTHENTICATE", kAuthenticates, kBarrier | kPlus, "", {}},
    {Verb::Cancelupdate, "CANCELUPDATE", kReads, 0, "", {}},
    {Verb::Capability, "CAPABILITY", 0, 0, "", {}},
    {Verb::Check, "CHECK", 0, kSelected, "", {}},
    {Verb::Close, "CLOSE", kWrites | kMayDestroy, kSelected | kBarrier, "", {}},
    {Verb::Compress, "COMPRESS", 0, kBarrier, "", {}},
    {Verb::Copy, "COPY", kWrites, kTakesUid | kSelected, "sm", {Skipped, Target}},
    {Verb::Create, "CREATE", kWrites, 0, "mo", {Target}},
    {Verb::Delete, "DELETE", kRemoves, kCountedBarrier, "m", {Source}},
    {Verb::Deleteacl, "DELETEACL", kRemoves | kAdministers, 0, "mm", {Named}},
    {Verb::Done, "DONE", 0, 0, "", {}},
    {Verb::Enable, "ENABLE", 0, kBarrier, "", {}},
    {Verb::Esearch, "ESEARCH", kReads, kSelected, "k", {Scope}},
    {Verb::Examine, "EXAMINE", kReads, kBarrier, "mo", {Opened}},
    {Verb::Expunge, "EXPUNGE", kRemoves, kTakesUid | kSelected | kCountedBarrier, "", {}},
    {Verb::Fetch, "FETCH", kReads, kTakesUid | kSelected, "sf", {}},
    {Verb::Genurlauth, "GENURLAUTH", kWrites, 0, "e", {Urls}},
    {Verb::Getacl, "GETACL", kReads | kAdministers, 0, "m", {Named}},
    {Verb::Getjmapaccess, "GETJMAPACCESS", kReads, 0, "", {}},
    {Verb::Getmetadata, "GETMETADATA", kReads | kAdministers, 0, "ome", {Options, Named}},
    {Verb::Getquota, "GETQUOTA", kReads | kAdministers, 0, "m", {}},
    {Verb::Getquotaroot, "GETQUOTAROOT", kReads | kAdministers, 0, "m", {Named}},
    {Verb::Id, "ID", 0, 0, "v", {}},
    {Verb::Idle, "IDLE", 0, kBarrier | kPlus, "", {}},
    {Verb::List, "LIST", kReads, 0, "ompn", {Options, Reference, Patterns}},
    {Verb::Listrights, "LISTRIGHTS", kReads | kAdministers, 0, "mm", {Named}},
    {Verb::Login, "LOGIN", kAuthenticates, kBarrier, "mm", {}},
    {Verb::Logout, "LOGOUT", kAuthenticates, kBarrier, "", {}},
    {Verb::Lsub, "LSUB", kReads, 0, "mp", {Reference, Patterns}},
    {Verb::Move, "MOVE", kRemoves, kTakesUid | kSelected | kCountedBarrier, "sm", {Skipped, Target}},
    {Verb::Myrights, "MYRIGHTS", kReads | kAdministers, 0, "m", {Named}},
    {Verb::Namespace, "NAMESPACE", kReads, 0, "", {}},
    {Verb::Noop, "NOOP", 0, 0, "", {}},
    {Verb::Notify, "NOTIFY", kReads, 0, "ae", {Events}},
    {Verb::Rename, "RENAME", kRemoves, kCountedBarrier, "mmo", {Source, Target}},
    {Verb::Replace,
     "REPLACE",
     kRemoves,
     kTakesUid | kSelected | kCountedBarrier,
     "smM",
     {Skipped, Target, Message}},
    {Verb::Resetkey, "RESETKEY", kWrites, 0, "mn", {Named}},
    {Verb::Search, "SEARCH", kReads, kTakesUid | kSelected, "rk", {}},
    {Verb::Select, "SELECT", kReads, kBarrier, "mo", {Opened}},
    {Verb::Setacl, "SETACL", kRemoves | kAdministers, 0, "mmm", {Named}},
    {Verb::Setmetadata, "SETMETADATA", kRemoves | kAdministers, 0, "mv", {Named}},
    {Verb::Setquota, "SETQUOTA", kRemoves | kAdministers, 0, "ml", {}},
    {Verb::Sort, "SORT", kReads, kTakesUid | kSelected, "rlmk", {}},
    {Verb::Starttls, "STARTTLS", kAuthenticates, kBarrier, "", {}},
    {Verb::Status, "STATUS", kReads, 0, "ml", {Named}},
    {Verb::Store, "STORE", kWrites | kMayDestroy, kTakesUid | kSelected, "sog", {}},
    {Verb::Subscribe, "SUBSCRIBE", kWrites, 0, "m", {Named}},
    {Verb::Thread, "THREAD", kReads, kTakesUid | kSelected, "amk", {}},
    {Verb::Unauthenticate, "UNAUTHENTICATE", kAuthenticates, 0, "", {}},
    {Verb::Uidbatches, "UIDBATCHES", kReads, kSelected, "", {}},
    {Verb::Unselect, "UNSELECT", 0, kSelected | kBarrier, "", {}},
    {Verb::Unsubscribe, "UNSUBSCRIBE", kWrites, 0, "m", {Named}},
    {Verb::Urlfetch, "URLFETCH", kReads, 0, "e", {Urls}},
    {Verb::Xapplepushservice, "XAPPLEPUSHSERVICE", kReads, 0, "e", {Pairs}},
    {Verb::Xlist, "XLIST", kReads, 0, "mp", {Reference, Patterns}},
}};

constexpr bool is_in_order() noexcept {
  for (std::size_t i = 0; i < kVerbs; ++i) {
    if (static_cast<std::size_t>(kTable[i].verb) != i) return false;
    if (i > 1 && kTable[i].name[0] < kTable[i - 1].name[0]) return false;
  }
  return true;
}
static_assert(is_in_order());

// The names alone lie close together: verb_of runs through them for every command.
constexpr std::array<Octets, kVerbs> make_names() noexcept {
  std::array<Octets, kVerbs> names{};
  for (std::size_t i = 0; i < kVerbs; ++i) names[i] = kTable[i].name;
  return names;
}
constexpr auto kNames = make_names();

struct Range {
  std::uint8_t first = 0, end = 0;
};

constexpr std::array<Range, 26> make_letters() noexcept {
  std::array<Range, 26> letters{};
  for (std::size_t i = 1; i < kVerbs; ++i) {
    Range& range = letters[static_cast<std::size_t>(kNames[i][0] - 'A')];
    if (range.end == 0) range.first = static_cast<std::uint8_t>(i);
    range.end = static_cast<std::uint8_t>(i + 1);
  }
  return letters;
}
constexpr auto kLetters = make_letters();

// `row` is in capitals; the first letters are known to be equal.
bool is_name(Octets name, Octets row) noexcept {
  if (name.size() != row.size()) return false;
  std::size_t i = name.size() - 1;
  while (i > 0 && ascii_upper(name[i]) == row[i]) --i;
  return i == 0;
}

}  // namespace

Verb verb_of(Octets name) noexcept {
  if (name.empty()) return Verb::Unknown;
  const char letter = ascii_upper(name.front());
  if (letter < 'A' || letter > 'Z') return Verb::Unknown;
  const Range range = kLetters[static_cast<std::size_t>(letter - 'A')];
  for (std::size_t i = range.first; i < range.end; ++i)
    if (is_name(name, kNames[i])) return static_cast<Verb>(i);
  return Verb::Unknown;
}

const VerbRow& row_of(Verb verb) noexcept { return kTable[static_cast<std::size_t>(verb)]; }

}  // namespace postern::imap
