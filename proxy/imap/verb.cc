#include "imap/verb.h"

#include <array>
#include <cstddef>

namespace postern::imap {
namespace {

constexpr std::size_t kVerbs = static_cast<std::size_t>(Verb::kCount);

// In the order of the enumeration, so grouped by first letter.
constexpr std::array<Octets, kVerbs> kNames{"OTHER",
                                            "APPEND",
                                            "AUTHENTICATE",
                                            "CANCELUPDATE",
                                            "CAPABILITY",
                                            "CHECK",
                                            "CLOSE",
                                            "COMPRESS",
                                            "COPY",
                                            "CREATE",
                                            "DELETE",
                                            "DELETEACL",
                                            "DONE",
                                            "ENABLE",
                                            "ESEARCH",
                                            "EXAMINE",
                                            "EXPUNGE",
                                            "FETCH",
                                            "GENURLAUTH",
                                            "GETACL",
                                            "GETJMAPACCESS",
                                            "GETMETADATA",
                                            "GETQUOTA",
                                            "GETQUOTAROOT",
                                            "ID",
                                            "IDLE",
                                            "LIST",
                                            "LISTRIGHTS",
                                            "LOGIN",
                                            "LOGOUT",
                                            "LSUB",
                                            "MOVE",
                                            "MYRIGHTS",
                                            "NAMESPACE",
                                            "NOOP",
                                            "NOTIFY",
                                            "RENAME",
                                            "REPLACE",
                                            "RESETKEY",
                                            "SEARCH",
                                            "SELECT",
                                            "SETACL",
                                            "SETMETADATA",
                                            "SETQUOTA",
                                            "SORT",
                                            "STARTTLS",
                                            "STATUS",
                                            "STORE",
                                            "SUBSCRIBE",
                                            "THREAD",
                                            "UNAUTHENTICATE",
                                            "UIDBATCHES",
                                            "UNSELECT",
                                            "UNSUBSCRIBE",
                                            "URLFETCH",
                                            "XAPPLEPUSHSERVICE",
                                            "XLIST"};

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

Octets name_of(Verb verb) noexcept { return kNames[static_cast<std::size_t>(verb)]; }

bool takes_uid(Verb verb) noexcept {
  switch (verb) {
    case Verb::Copy:
    case Verb::Expunge:
    case Verb::Fetch:
    case Verb::Move:
    case Verb::Replace:
    case Verb::Search:
    case Verb::Sort:
    case Verb::Store:
    case Verb::Thread:
      return true;
    default:
      return false;
  }
}

}  // namespace postern::imap
