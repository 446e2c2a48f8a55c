// The brake (limits.deletions, protocol.md §6): how many messages one user can make vanish within a while,
// over all sessions of this process. Charged before a command is forwarded, by the server's own count: what
// cannot be counted is not forwarded. The last filter of the chain, so that nothing is charged which another
// one refuses.
//
//   STORE that marks, of messages not marked yet   SEARCH set UNDELETED
//   STORE of X-GM-LABELS, MOVE                     SEARCH set
//   EXPUNGE, CLOSE, UID EXPUNGE                    SEARCH DELETED, less the marks that this session has paid;
//                                                  asked twice
//   DELETE, RENAME of INBOX                        STATUS mailbox (MESSAGES)
//   REPLACE                                        one
//
// Asked twice, because a server may learn of other sessions' marks only behind its answer to the first
// SEARCH, and would then expunge more than it has counted (Dovecot does).
//
// A command with message numbers is counted by SEARCH, which lets no EXPUNGE through (RFC 9051 §7.5.1), and
// one with UIDs by UID SEARCH. Sets go to the upstream as the client wrote them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "filters/filter.h"
#include "filters/limits.h"

namespace postern::filters {

class Brake final : public Filter {
 public:
  explicit Brake(std::shared_ptr<HeldSeat> seat) : seat_(std::move(seat)) {}

  Decision on_command(imap::Command& command, const Context& context) override;
  void on_answer(const Answer& answer, const Context&) override {
    answer_ = answer;
    ++answers_;
  }
  void on_verdict(const imap::Command& command, const Verdict& verdict,
                  const Context& context) noexcept override;

 private:
  // What becomes of the messages that were counted.
  enum class Fate : std::uint8_t { Vanish, Marked, SomeExpunged, AllExpunged };
  struct Plan {
    std::optional<Question> question;
    std::uint64_t messages = 0;  // without a question
    Fate fate = Fate::Vanish;
    bool readable = true;
  };

  static bool expunges(Fate fate) noexcept { return fate == Fate::SomeExpunged || fate == Fate::AllExpunged; }
  static Plan plan_for(const imap::Command& command, const Context& context);
  static Plan plan_for_store(const imap::Command& command, const Context& context);
  static Plan plan_for_set(const imap::Command& command, const Context& context, Fate fate, Octets key);
  static Plan plan_for_mailbox(const imap::Command& command, const Context& context);
  Decision settle(const Plan& plan, const Answer& answer, Instant now);
  Decision charge(std::uint64_t messages, Fate fate, Instant now);

  // For the command that is judged, or waits behind this filter, until it goes.
  struct Paid {
    bool is_charged = false;
    std::uint64_t messages = 0;
    Instant at{};
    std::uint64_t marks_before = 0;  // paid_marks_ before it
  };

  std::shared_ptr<HeldSeat> seat_;
  Paid paid_;
  std::optional<Answer> answer_;  // to the question about the command that is judged next
  int answers_ = 0;               // about that command, so far
  // Messages of the selected mailbox whose marking this session has paid for, and which it has not expunged.
  std::uint64_t paid_marks_ = 0;
};

}  // namespace postern::filters
