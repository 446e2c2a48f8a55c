// What a command can do to mail, as its arguments say (protocol.md §5): classes, the flags that it names, and
// whether it marks messages as deleted. The verb's row says what depends on nothing; here is what depends on
// STORE's item and flags, on APPEND's flags, and on how the mailbox is selected. Pure; linear.
#pragma once

#include <cstdint>
#include <vector>

#include "base/octets.h"
#include "imap/command.h"

namespace postern::imap {

struct CommandEffect {
  std::uint8_t classes = 0;   // bits of namespace effect; kMayDestroy is settled: kDestroys or nothing
  std::vector<Octets> flags;  // each flag or label that is named, as written; borrowed from the command
  bool labels = false;        // STORE of Gmail's labels, by which mail can be gone without a mark
  bool marks = false;         // adds \Deleted, or replaces the flags by some with it, or may do so
  // False: it could not be read strictly, so that an upstream may understand something else; the classes are
  // then the worst that the verb can be. An unknown verb is never complete.
  bool complete = true;
};

// Of a whole head. `selected_read_only`: CLOSE expunges nothing then (RFC 9051 §6.4.1) and has no class.
CommandEffect effect_of(const Command& command, bool selected_read_only);

// Follows an APPEND or REPLACE from part to part (RFC 3502, RFC 4469): which of its text is a message's flag
// list, and which is a piece of CATENATE's. begin() at each head with a body, next() at each later part and
// at the end. Owned by a filter of the session.
class AppendReader {
 public:
  // In what the octets of the last body stand: nothing (they are a message), UTF8 ( … ) or CATENATE ( … ).
  enum class Inside : std::uint8_t { Nothing, Utf8, Catenate };

  void begin(const Command& head);
  CommandEffect next(const Command& part);

 private:
  std::uint8_t classes_ = 0;
  Inside inside_ = Inside::Nothing;
  bool single_ = false;  // REPLACE has one message
  bool lost_ = false;    // something was not understood: whatever follows is incomplete
};

}  // namespace postern::imap
