// Frames commands as a scanner would that knows no grammar: by lines, by braces at their end and by counting
// parentheses. What reads a command's arguments must not rely on how strict the CommandScanner is, so its
// tests get here what that one would keep back.
#pragma once

#include <string>

#include "imap/command_scanner.h"

namespace postern::imap::testing {

class LooseScanner {
 public:
  // Head, Part or End; NeedMore at the end of `in`. Bodies are skipped, no literal is asked for.
  CommandEvent next(Octets& in);
  const Command& command() const { return command_; }

 private:
  bool is_message(Octets text);
  void publish();
  CommandEvent end_command();

  Command command_;
  std::string text_;  // of the present head or part
  bool part_ = false;
  std::size_t depth_ = 0;
  std::size_t words_ = 0;  // at depth 0, with the tag and the name
};

}  // namespace postern::imap::testing
