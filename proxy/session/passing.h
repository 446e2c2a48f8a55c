// The response of the upstream that is being passed to the client, as far as it has come. Private to the
// session; single-threaded.
#pragma once

#include <string>

#include "imap/response.h"

namespace postern::session {

struct Passing {
  bool on = false;          // it is forwarded …
  bool incomplete = false;  // … and not all of it has come: no answer of the gateway's own may go out
  std::string tag;          // it completes this command …
  imap::Status status = imap::Status::None;  // … in this way
};

}  // namespace postern::session
