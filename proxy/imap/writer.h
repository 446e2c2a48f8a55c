// Writes commands for the upstream (protocol.md §3: no {n+} ever goes there). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/octets.h"
#include "base/secret.h"
#include "imap/command.h"

namespace postern::imap {

// A command in the pieces in which it may be sent: behind each chunk but the last the upstream's "+" is
// awaited. The last chunk ends in CRLF, or in `{n}CRLF` if the command announces a body.
struct Program {
  std::vector<std::string> chunks;
  bool awaits_body_plus = false;  // the last chunk announces a message body
};

// Argument literals become quoted strings where they are plain ASCII (no CR, LF, NUL, 8-bit; at most 1,024
// octets) and not literal8; else `{n}`, and a new chunk begins behind it. A body's announcement is always
// synchronising; literal8 stays literal8.
Program write_command(const Command& command);
// A later part of a command (behind a body): the same, without a tag of its own.
Program write_part(const Command& part);

// LOGIN with its credentials (RFC 9051 §6.2.3), each quoted or as a literal, by the same rule. NUL, CR or LF
// in them must have been refused before. The chunks are secret.
struct SecretProgram {
  std::vector<Secret> chunks;
};
SecretProgram write_login(Octets tag, Octets user, Octets password);

// Gives the command another name for the upstream; its verb stays what the client said. The views of
// `command` lie in `storage` then.
void rename_verb(Command& command, Octets name, std::string& storage);

// Appends an argument to a command of the gateway's own: quoted, or as `{n}` with a new chunk behind it.
void add_string(std::vector<std::string>& chunks, Octets text);

std::string quoted(Octets text);  // with escapes; the caller knows that it is plain ASCII

}  // namespace postern::imap
