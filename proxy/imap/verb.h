// The names of IMAP's commands: RFC 3501, 9051 and the extensions of the IANA registry, one table. A verb
// that stands here has an understood shape; what does not is Verb::Unknown and judged as such.
#pragma once

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

// `name` without the UID prefix, any case. Verb::Unknown where the table has none.
Verb verb_of(Octets name) noexcept;
// In capitals, as logs and metrics show it; "OTHER" for Unknown.
Octets name_of(Verb verb) noexcept;
// Whether `UID name` exists: COPY, EXPUNGE, FETCH, MOVE, REPLACE, SEARCH, SORT, STORE, THREAD.
bool takes_uid(Verb verb) noexcept;

}  // namespace postern::imap
