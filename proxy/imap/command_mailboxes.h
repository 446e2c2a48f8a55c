// Which mailboxes a command names, and as what: for rules and the audit trail (protocol.md §4). Where they
// stand among the arguments is said by the verb's row. Pure; linear in the command's size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imap/command.h"

namespace postern::imap {

enum class MailboxRole : std::uint8_t {
  Opened,     // becomes the selected one: SELECT, EXAMINE
  Named,      // is asked about, or its metadata change: STATUS, SETACL, SUBSCRIBE
  Read,       // mail in it is read: a URL, ESEARCH
  Source,     // is renamed or deleted
  Target,     // mail or a name comes to it: APPEND, COPY, CREATE, RENAME's second
  Subtree,    // it and all below it are read: ESEARCH, NOTIFY; an empty name is every mailbox
  Reference,  // LIST's first argument
  Pattern,    // LIST's patterns, with their wildcards
};

struct MailboxUse {
  MailboxRole role = MailboxRole::Named;
  std::string name;  // the decoded argument, for MailboxNaming::canonical; empty where a command may name the
                     // server itself (LIST "" "", GETMETADATA "")
  bool utf8 = false;  // from a URL: UTF-8 whatever the session's encoding is (RFC 5092 §8)
};

struct MailboxUses {
  std::vector<MailboxUse> named;  // in the command's order
  bool selected = false;          // it works on the selected mailbox, too
  // False: some argument could not be read strictly (two blanks, an argument over 8 KiB, an unknown verb), so
  // that an upstream may understand a name that does not stand here.
  bool complete = true;
};

// Of a whole head, or of a later part of one (behind a body), where only CATENATE's URLs name mailboxes.
MailboxUses mailboxes_of(const Command& command);

}  // namespace postern::imap
