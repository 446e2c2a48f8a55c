// The commands of a session that are not answered yet, in the order in which the client sent them: those at
// the upstream, and the gateway's own answers that wait for their turn (protocol.md §3, "Local answers").
// Completions match by tag, in any order. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/octets.h"
#include "imap/verb.h"
#include "session/telling/audited_command.h"

namespace postern::session {

struct Pending {
  enum class Kind : std::uint8_t {
    Client,  // the client's, at the upstream
    Own,     // the gateway's own, at the upstream: its answer is not the client's
    Answer,  // `answer` is ours; it goes out when it is the first
  };

  static Pending client(Octets tag, imap::Verb verb, bool barrier,
                        std::unique_ptr<AuditedCommand> audited = nullptr) {
    return {Kind::Client, std::string(tag), verb, barrier, false, {}, std::move(audited)};
  }
  static Pending own(Octets tag) { return {Kind::Own, std::string(tag), imap::Verb::Unknown, true}; }
  static Pending of_ours(std::string answer) {
    return {Kind::Answer, {}, imap::Verb::Unknown, false, false, std::move(answer)};
  }

  bool at_upstream() const noexcept { return kind != Kind::Answer; }

  Kind kind = Kind::Client;
  std::string tag = {};
  imap::Verb verb = imap::Verb::Unknown;
  bool barrier = false;  // nothing behind it goes upstream before it is done
  bool muted = false;    // its NO or BAD is not shown: the gateway has already refused it (MULTIAPPEND)
  std::string answer = {};
  std::unique_ptr<AuditedCommand> audited = {};  // null: nothing of it is recorded
};

class PendingCommands {
 public:
  bool empty() const noexcept { return commands_.empty(); }
  std::size_t size() const noexcept { return commands_.size(); }
  // Asked of the commands themselves: one may become a barrier on its way, by what its later parts hold.
  bool has_barrier() const noexcept;
  bool has_answer() const noexcept { return commands_.size() > at_upstream_; }
  bool at_upstream() const noexcept { return at_upstream_ > 0; }

  void add(Pending&& command);
  // An answer in the middle of a command, which is the only one under way: it waits for nobody's completion.
  void add_ahead(std::string answer);
  Pending* find(Octets tag) noexcept;       // at the upstream; null if none has this tag
  Pending* find(imap::Verb verb) noexcept;  // the first one, likewise
  bool uses(Octets tag) const noexcept;
  void remove(Octets tag);  // one that was at the upstream
  // The first command is an answer of ours: takes it out.
  bool take_answer(std::string& answer);
  void clear() noexcept;
  std::vector<Pending>& all() noexcept { return commands_; }
  std::size_t octets() const noexcept { return octets_; }  // of the waiting answers

 private:
  std::vector<Pending> commands_;
  std::size_t at_upstream_ = 0;
  std::size_t octets_ = 0;
};

}  // namespace postern::session
