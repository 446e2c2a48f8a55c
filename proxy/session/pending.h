// The commands of a session that are not answered yet, in the order in which the client sent them: those at
// the upstream, and the gateway's own answers that wait for their turn (protocol.md §3, "Local answers").
// Completions match by tag, in any order. Single-threaded.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/octets.h"
#include "imap/verb.h"
#include "session/auditing.h"

namespace postern::session {

struct Pending {
  std::string tag;
  imap::Verb verb = imap::Verb::Unknown;
  bool local = false;    // `answer` is ours; it goes out when it is the first
  bool barrier = false;  // nothing behind it goes upstream before it is done
  bool muted = false;    // its NO or BAD is not shown: the gateway has already refused it (MULTIAPPEND)
  std::string answer;
  bool own = false;                              // the gateway's own command: its answer is not the client's
  std::unique_ptr<AuditedCommand> audited = {};  // null: nothing of it is recorded
};

class PendingCommands {
 public:
  bool empty() const noexcept { return commands_.empty(); }
  std::size_t size() const noexcept { return commands_.size(); }
  bool has_barrier() const noexcept { return barriers_ > 0; }
  bool has_answer() const noexcept { return commands_.size() > at_upstream_; }
  bool at_upstream() const noexcept { return at_upstream_ > 0; }

  void add(Pending command);
  // An answer in the middle of a command, which is the only one under way: it waits for nobody's completion.
  void add_ahead(std::string answer);
  Pending* find(Octets tag) noexcept;       // at the upstream; null if none has this tag
  Pending* find(imap::Verb verb) noexcept;  // the first one, likewise
  bool uses(Octets tag) const noexcept;     // also by an answer that waits
  void remove(Octets tag);                  // one that was at the upstream
  // The first command is an answer of ours: takes it out.
  bool take_answer(std::string& answer);
  void clear() noexcept;
  std::vector<Pending>& all() noexcept { return commands_; }
  std::size_t octets() const noexcept { return octets_; }  // of the waiting answers

 private:
  std::vector<Pending> commands_;
  std::size_t barriers_ = 0;
  std::size_t at_upstream_ = 0;
  std::size_t octets_ = 0;
};

}  // namespace postern::session
