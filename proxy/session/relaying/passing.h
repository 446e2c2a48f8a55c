// What is being passed to the client. Private to the session; single-threaded.
#pragma once

#include <string>

#include "imap/response.h"

namespace postern::session {

// The response of the upstream that is under way, as far as it has come.
struct Passing {
  bool on = false;                           // it is forwarded; not all of it has come: Core::mid_response
  std::string tag;                           // it completes this command …
  imap::Status status = imap::Status::None;  // … in this way
};

// Names of capabilities, as ENABLE and its answer list them, as far as a client may be told of them.
struct ShownWords {
  std::string words;
  bool cut = false;  // some were left out
};

}  // namespace postern::session
