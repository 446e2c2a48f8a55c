// What the upstream answers to a command of the gateway's own (protocol.md §3): which of its untagged lines
// belong to it, so that the client does not see them, and what they say. Bounded: a line of numbers is
// counted as it streams by, other lines are read up to kLineBytes. Pure, single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "imap/response.h"

namespace postern::session {

enum class OwnKind : std::uint8_t {
  Separator,   // LIST "" "": MailboxNaming learns from the lines by itself
  Namespaces,  // NAMESPACE: likewise
  SpecialUse,  // LIST (SPECIAL-USE) "" "*"
  Matches,     // SEARCH: how many match
  Messages,    // STATUS … (MESSAGES)
  Examine,     // EXAMINE of the selected mailbox, on the way to a CLOSE that expunges nothing
};

class OwnAnswer {
 public:
  static constexpr std::size_t kLineBytes = 16 * 1024;
  static constexpr std::size_t kTrashMailboxes = 64;

  OwnAnswer(OwnKind kind, std::string tag) : kind_(kind), tag_(std::move(tag)) {}

  // Does this untagged response belong to the answer? `head`: its first octets. If so, all its octets are to
  // be given to feed().
  bool takes(const imap::Response& response, Octets head);
  void feed(Octets octets, bool complete);

  // Of Matches and Messages; nothing if it was not said, or not clearly.
  std::optional<std::uint64_t> count() const noexcept;
  // Of SpecialUse: the names of \Trash and \Junk, decoded. Nothing if there are more than can be kept, or one
  // could not be read.
  std::optional<std::vector<std::string>> trash() const;

 private:
  void count_numbers(Octets octets) noexcept;
  void read_line();
  void read_esearch();
  void read_status();
  void read_list();

  OwnKind kind_;
  std::string tag_;
  std::string line_;  // of the present response, where it is read whole
  bool streams_ = false;
  bool in_number_ = false;
  bool numbers_over_ = false;  // behind them stands `(MODSEQ n)`
  bool unclear_ = false;
  std::size_t skip_ = 0;  // octets of `* SEARCH` that are no numbers
  std::size_t lines_ = 0;
  std::uint64_t count_ = 0;
  std::vector<std::string> trash_;
};

}  // namespace postern::session
