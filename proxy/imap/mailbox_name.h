// The one form in which rules and the audit trail see a mailbox's name (protocol.md §4), whatever the client
// wrote and whatever the upstream's hierarchy looks like: UTF-8 in Unicode's NFC, "/" between the levels,
// INBOX in capitals, no empty levels. What is forwarded is never altered. Pure; at most O(n log n).
//
// Two different mailboxes do not get one name by accident: what cannot stand in a canonical name is written
// as U+FFFD and two hexadecimal digits. That is an octet that is no UTF-8, and a "/" inside a level where the
// upstream's separator is another: on a server with ".", the mailbox "a/b.c" is "a<U+FFFD>2Fb/c".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/octets.h"

namespace postern::imap {

enum class NameEncoding : std::uint8_t {
  ModifiedUtf7,  // RFC 3501 §5.1.3
  Utf8,          // after ENABLED UTF8=ACCEPT or IMAP4rev2 (RFC 6855, RFC 9051 §5.1)
};

// A name as text: valid UTF-8, its hierarchy still the upstream's. Most names can be read in one way. One
// that a strict reader and a lenient one take differently has a second reading, and both have to be judged:
// what is not valid modified UTF-7 is itself ("R&D"), and what a lenient decoder makes of it ("&AGE-", which
// is "a"); after ENABLE it is itself, and what a server that still decodes would make of it.
struct NameReadings {
  std::string text;
  std::optional<std::string> other;  // only if it differs
};
NameReadings read_mailbox_name(Octets name, NameEncoding encoding);

// The canonical name of `text`, which is valid UTF-8. `separator` is the upstream's, an ASCII character; '\0'
// where there is no hierarchy (NIL).
std::string canonical_name(Octets text, char separator);

// What names that differ in case alone have in common (Unicode's default case folding, then NFC), of valid
// UTF-8: for the reader that must not be evaded by writing "archive".
std::string folded_name(Octets text);

}  // namespace postern::imap
