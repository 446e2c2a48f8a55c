// The commands of the gateway's own: what it asks the upstream itself, with nothing else pending, under a
// random tag, unseen by the client (protocol.md §3, §6); and what it has learned of the upstream, by those
// and on the way. Owns the errand that is under way, if there is one, and the upstream's abilities. What
// comes of an errand is given to whoever drives the responses; nothing of the client's is looked at while one
// is under way. Private to the session; single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "filters/filter.h"
#include "imap/capability.h"
#include "imap/mailbox_naming.h"
#include "imap/response.h"
#include "session/core.h"
#include "session/errands/errand.h"

namespace postern::session {

class Errands {
 public:
  // Of a mailbox that was to be left without an expunge: the EXAMINE's verdict.
  struct Left {
    std::string client_tag;  // of the CLOSE
    std::unique_ptr<AuditedCommand> audited;
    imap::Status status = imap::Status::None;
    bool read_only = false;  // the OK said so
  };
  // Nothing: it goes on, is nobody's business, or nobody waits for it any more.
  using Result = std::variant<std::monostate, filters::Answer, Left>;

  explicit Errands(Core& core) noexcept : core_(core) {}

  // --- what is known of the upstream --------------------------------------------------------------------
  void know(const imap::CapabilityList& capabilities);  // at the login
  // An untagged response, with its first octets.
  void hear(const imap::Response& response, Octets head) { naming_.learn(response, head); }
  void hear_enabled(Octets words) noexcept;  // of `* ENABLED`
  bool has_id() const noexcept { return has_id_; }
  const filters::UpstreamAbilities& abilities() const noexcept { return abilities_; }
  const imap::MailboxNaming& naming() const noexcept { return naming_; }
  const filters::SpecialMailboxes* special() const noexcept { return special_.get(); }

  // --- beginning one: none is under way -----------------------------------------------------------------
  void learn(const filters::Needs& needs);  // what rules have to know before the first command is judged
  void count(const filters::Question& question);  // about a command that waits meanwhile
  // EXAMINE of the mailbox that is selected takes away the right to expunge; the client's CLOSE is harmless
  // then.
  void leave(Octets client_tag, const std::string& mailbox);
  void record(std::unique_ptr<AuditedCommand> close);  // of leave(): what is told of it

  // --- its way ------------------------------------------------------------------------------------------
  void send_next();  // the next step, if nothing else is under way
  bool under_way() const noexcept { return errand_ != nullptr; }
  bool awaits_count() const noexcept;  // a question about a command is at the upstream
  void abandon_count();                // the answer will be for nobody
  bool is_abandoned() const noexcept { return errand_ && errand_->abandoned; }
  AuditedCommand* unsent() noexcept { return errand_ ? errand_->audited.get() : nullptr; }
  void clear() noexcept { errand_.reset(); }

  // --- what the upstream answers ------------------------------------------------------------------------
  bool takes_line(const imap::Response& response);  // it belongs to the answer: not for the client
  void feed_line();                                 // the rest of such a line
  bool takes_plus();                                // likewise
  void takes_verdict(const imap::Response& response) noexcept;
  Result completed(imap::Status status);

 private:
  void begin(Errand::Purpose purpose, std::vector<Errand::Step> steps);
  void send_chunk();
  bool is_sent() const noexcept { return errand_ && errand_->next_chunk > 0; }

  Core& core_;
  std::unique_ptr<Errand> errand_;
  imap::MailboxNaming naming_;
  filters::UpstreamAbilities abilities_;
  std::unique_ptr<filters::SpecialMailboxes> special_;  // null: nobody needs it
  bool has_id_ = false;
};

}  // namespace postern::session
