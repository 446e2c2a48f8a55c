// What a session remembers for the audit trail: what a command does, told before it is forwarded, and what
// the upstream has said to it since. Exists only where commands are recorded. Single-threaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error_code.h"
#include "base/octets.h"
#include "base/time.h"
#include "filters/filter.h"
#include "imap/command.h"
#include "imap/command_effect.h"
#include "imap/mailbox_naming.h"
#include "imap/response.h"
#include "imap/vanished.h"
#include "record/audit_record.h"

namespace postern::session {

// A command on its way, for the record of its outcome.
struct AuditedCommand {
  audit::Command command;    // what is recorded of it
  std::uint64_t number = 0;  // of its records
  Instant since{};           // it was forwarded
  std::uint64_t removed_before = 0;
  std::uint64_t octets_before = 0;
  std::uint64_t overlaps_before = 0;
  imap::AppendReader parts;  // of an APPEND or REPLACE
  bool alone = true;         // nothing else was under way when it was forwarded
  bool recorded = false;     // there is room for its outcome; else nothing is told of it, unless a part is
  ErrorCode refused = ErrorCode::Ok;  // the gateway took it back
};

// Gathers the UIDs that a server answers, `[COPYUID …]` or `[APPENDUID …]` (RFC 4315), from a line of any
// length.
class UidCode {
 public:
  static constexpr std::size_t kKeptBytes = 8 * 1024;

  // `head`: the response's first octets; what follows of it is to be given to feed() while it is open().
  void begin(const imap::Response& response, Octets head);
  void feed(Octets octets);
  bool open() const noexcept { return open_; }
  std::optional<audit::AnsweredUids> take();  // nothing: there was none

 private:
  std::string code_;  // between the brackets
  bool open_ = false;
  bool cut_ = false;
};

// What the trail has to know of the session when the next command is recorded.
struct TrailNotes {
  std::uint64_t removed = 0;                // EXPUNGE lines and VANISHED UIDs, so far
  std::uint64_t octets = 0;                 // of responses, so far
  std::uint64_t overlaps = 0;               // commands that were forwarded while others were under way
  std::optional<std::uint64_t> expected;    // counted for the command that is judged
  std::unique_ptr<AuditedCommand> waiting;  // the parked command's, which waits for the trail
  filters::Rewriting rewriting = filters::Rewriting::None;  // of that
  bool part_waits = false;                                  // a later part of an APPEND does
  bool part_reserves = false;                               // … and room for the outcome with it
  std::optional<imap::VanishedCount> vanished;              // of the present response
  UidCode uids;                                             // likewise
};

// Bits of config::audited by which a command of these classes (imap::effect) is selected.
std::uint16_t audited_bits(std::uint8_t classes) noexcept;

// Name, mailboxes, set and flags of a command; never search terms, values or content.
audit::Command describe(const imap::Command& command, const imap::CommandEffect& effect,
                        const imap::MailboxNaming& naming, const filters::SelectedMailbox* selected);
std::string flag_list(const std::vector<Octets>& flags);  // "(\Seen \Deleted)"

// What a client says that it is, in an ID (RFC 2971). Nothing if that is malformed.
std::optional<audit::ClientId> client_id(Octets args);

}  // namespace postern::session
