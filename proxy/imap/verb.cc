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
    {Verb::Unknown, "OTHER", kRemoves, kSelected, 0, {}},
    {Verb::Append, "APPEND", kWrites | kMayDestroy, 0, 1, {Target, Message}},
    {Verb::Authenticate, "AUTHENTICATE", kAuthenticates, kBarrier | kPlus, 0, {}},
    {Verb::Cancelupdate, "CANCELUPDATE", kReads, 0, 0, {}},
    {Verb::Capability, "CAPABILITY", 0, 0, 0, {}},
    {Verb::Check, "CHECK", 0, kSelected, 0, {}},
    {Verb::Close, "CLOSE", kWrites | kMayDestroy, kSelected | kBarrier, 0, {}},
    {Verb::Compress, "COMPRESS", 0, kBarrier, 0, {}},
    {Verb::Copy, "COPY", kWrites, kTakesUid | kSelected, 0, {Skipped, Target}},
    {Verb::Create, "CREATE", kWrites, 0, 0, {Target}},
    {Verb::Delete, "DELETE", kRemoves, kCountedBarrier, 0, {Source}},
    {Verb::Deleteacl, "DELETEACL", kRemoves | kAdministers, 0, 0, {Named}},
    {Verb::Done, "DONE", 0, 0, 0, {}},
    {Verb::Enable, "ENABLE", 0, kBarrier, 0, {}},
    {Verb::Esearch, "ESEARCH", kReads, kSelected, 0, {Scope}},
    {Verb::Examine, "EXAMINE", kReads, kBarrier, 0, {Opened}},
    {Verb::Expunge, "EXPUNGE", kRemoves, kTakesUid | kSelected | kCountedBarrier, 0, {}},
    {Verb::Fetch, "FETCH", kReads, kTakesUid | kSelected, 0, {}},
    {Verb::Genurlauth, "GENURLAUTH", kWrites, 0, 0, {Urls}},
    {Verb::Getacl, "GETACL", kReads | kAdministers, 0, 0, {Named}},
    {Verb::Getjmapaccess, "GETJMAPACCESS", kReads, 0, 0, {}},
    {Verb::Getmetadata, "GETMETADATA", kReads | kAdministers, 0, 0, {Options, Named}},
    {Verb::Getquota, "GETQUOTA", kReads | kAdministers, 0, 0, {}},
    {Verb::Getquotaroot, "GETQUOTAROOT", kReads | kAdministers, 0, 0, {Named}},
    {Verb::Id, "ID", 0, 0, 0, {}},
    {Verb::Idle, "IDLE", 0, kBarrier | kPlus, 0, {}},
    {Verb::List, "LIST", kReads, 0, 0, {Options, Reference, Patterns}},
    {Verb::Listrights, "LISTRIGHTS", kReads | kAdministers, 0, 0, {Named}},
    {Verb::Login, "LOGIN", kAuthenticates, kBarrier, 0, {}},
    {Verb::Logout, "LOGOUT", kAuthenticates, kBarrier, 0, {}},
    {Verb::Lsub, "LSUB", kReads, 0, 0, {Reference, Patterns}},
    {Verb::Move, "MOVE", kRemoves, kTakesUid | kSelected | kCountedBarrier, 0, {Skipped, Target}},
    {Verb::Myrights, "MYRIGHTS", kReads | kAdministers, 0, 0, {Named}},
    {Verb::Namespace, "NAMESPACE", kReads, 0, 0, {}},
    {Verb::Noop, "NOOP", 0, 0, 0, {}},
    {Verb::Notify, "NOTIFY", kReads, 0, 0, {Events}},
    {Verb::Rename, "RENAME", kRemoves, kCountedBarrier, 0, {Source, Target}},
    {Verb::Replace,
     "REPLACE",
     kRemoves,
     kTakesUid | kSelected | kCountedBarrier,
     2,
     {Skipped, Target, Message}},
    {Verb::Resetkey, "RESETKEY", kWrites, 0, 0, {Named}},
    {Verb::Search, "SEARCH", kReads, kTakesUid | kSelected, 0, {}},
    {Verb::Select, "SELECT", kReads, kBarrier, 0, {Opened}},
    {Verb::Setacl, "SETACL", kRemoves | kAdministers, 0, 0, {Named}},
    {Verb::Setmetadata, "SETMETADATA", kRemoves | kAdministers, 0, 0, {Named}},
    {Verb::Setquota, "SETQUOTA", kRemoves | kAdministers, 0, 0, {}},
    {Verb::Sort, "SORT", kReads, kTakesUid | kSelected, 0, {}},
    {Verb::Starttls, "STARTTLS", kAuthenticates, kBarrier, 0, {}},
    {Verb::Status, "STATUS", kReads, 0, 0, {Named}},
    {Verb::Store, "STORE", kWrites | kMayDestroy, kTakesUid | kSelected, 0, {}},
    {Verb::Subscribe, "SUBSCRIBE", kWrites, 0, 0, {Named}},
    {Verb::Thread, "THREAD", kReads, kTakesUid | kSelected, 0, {}},
    {Verb::Unauthenticate, "UNAUTHENTICATE", kAuthenticates, 0, 0, {}},
    {Verb::Uidbatches, "UIDBATCHES", kReads, kSelected, 0, {}},
    {Verb::Unselect, "UNSELECT", 0, kSelected | kBarrier, 0, {}},
    {Verb::Unsubscribe, "UNSUBSCRIBE", kWrites, 0, 0, {Named}},
    {Verb::Urlfetch, "URLFETCH", kReads, 0, 0, {Urls}},
    {Verb::Xapplepushservice, "XAPPLEPUSHSERVICE", kReads, 0, 0, {Pairs}},
    {Verb::Xlist, "XLIST", kReads, 0, 0, {Reference, Patterns}},
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
