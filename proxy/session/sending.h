// A command on its way upstream that cannot go in one piece: argument literals that the upstream has to ask
// for, or a message body (protocol.md §3). It exists only until the last piece is out.
#pragma once

#include <cstddef>
#include <string>

#include "imap/writer.h"

namespace postern::session {

struct Sending {
  std::string tag;
  imap::Program program;
  std::size_t next_chunk = 1;      // chunk 0 is out
  bool body = false;               // a message body follows the last chunk …
  bool body_synchronising = true;  // … for which the client waits for "+"
  bool streaming = false;          // the body is on its way: no "+" is awaited
  bool aborting = false;           // ` {0}` was sent: a later message was refused, and with it the whole
};

}  // namespace postern::session
