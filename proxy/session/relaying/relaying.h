// After the login: every command is framed, judged by the filter chain and written upstream, every response
// passed to the client (protocol.md §1, §3). Owns what is under way between the two: the command that goes in
// pieces, the one that waits to be judged or forwarded, the response that is being passed, IDLE, and which
// mailbox is selected. Private to the session; single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "filters/filter.h"
#include "session/core.h"
#include "session/errands/errands.h"
#include "session/relaying/judging.h"
#include "session/relaying/parked.h"
#include "session/relaying/passing.h"
#include "session/relaying/sending.h"
#include "session/telling/telling.h"

namespace postern::session {

class Relaying {
 public:
  Relaying(Core& core, Telling& telling, Errands& errands) noexcept
      : core_(core), telling_(telling), errands_(errands) {}

  // What filters are told from the login on.
  filters::Context context() const;

  // --- octets -------------------------------------------------------------------------------------------
  bool can_scan() const noexcept;
  bool is_early() const noexcept;  // what the client sends now it may not send before it is asked to
  void client(Octets& in);         // takes the next event of the client's from the front
  void upstream(Octets& in);       // likewise
  void unpark();                   // what waited for others to be answered, and they are
  void flush_answers();            // the gateway's own, as far as it is their turn

  // --- events -------------------------------------------------------------------------------------------
  void answered(const asked::Answer& answer);  // the one that is awaited
  void upstream_ended(ErrorCode code);
  void strike(Clock clock);  // Parked or Count
  void clear();              // the session is over

  // --- what it waits for --------------------------------------------------------------------------------
  // The client has ended: is there anything left that could be answered?
  bool is_served() const noexcept;
  // Something is under way that a drain lets finish: anything but IDLE.
  bool is_busy() const noexcept;
  bool is_upstreams_turn() const noexcept;  // to say something, if it has all that it needs
  bool is_clients_turn() const noexcept;    // likewise
  bool awaits_count() const noexcept { return errands_.awaits_count() && parked_; }
  // Of the command that is on its way upstream in pieces, if it is recorded.
  AuditedCommand* append_under_way();

 private:
  // What the parked command waits for.
  enum class ParkedFor : std::uint8_t {
    Others,  // those before it to be answered
    Answer,  // the gateway's services, that is the trail
    Turn,    // by limits.commands_per_second
    Count,   // the answer to a question of the gateway's own
  };
  enum class IdleState : std::uint8_t { None, Waiting, Active, Ending };

  // relaying.cc
  bool is_dismissed() const noexcept { return core_.ending.state() == Ending::State::Dismissed; }
  void park(const imap::Command& command, ParkedFor what, Instant until = Instant::max());
  std::unique_ptr<ParkedCommand> take_parked();
  void resume();
  void hold_expired();
  void refuse_held(imap::Command& command, ErrorCode code);
  void counted(const filters::Answer& answer);
  void left(Errands::Left left);
  void refuse(const imap::Command& command, std::string answer);
  void swallow(std::string answer);
  void add_answer(std::string answer);

  // client_commands.cc
  void client_command(imap::CommandEvent event);
  void argument_literal();
  void take_command(imap::Command& command);
  bool must_wait(const imap::Command& command) const noexcept;
  void decide(imap::Command& command);
  void refuse_own(const imap::Command& command, const OwnRefusal& refusal);
  bool answers_id(const imap::Command& command);
  ShownWords shown_words(Octets words) const;
  bool edit_enable(imap::Command& command, std::string& rewritten);
  bool rewrite(imap::Command& command, filters::Rewriting rewriting, std::string& rewritten);
  void record_and_forward(imap::Command& command, const filters::Decision& decision, bool held);
  void forward(imap::Command& command, filters::Rewriting rewriting, bool held,
               std::unique_ptr<AuditedCommand> audited);
  bool is_barrier(imap::Verb verb) const noexcept;
  void send(const std::string& tag, imap::Program program, bool body, bool client_waits);
  void judge_part(imap::Command& part);
  void record_and_pass(imap::Command& part, bool held);
  void pass_part(const imap::Command& part, bool held);
  void send_part(const imap::Command& part);
  void abort_append(Octets answer, ErrorCode code);
  void end_append(ErrorCode aborted);
  void idle_line(imap::CommandEvent event);
  void malformed();

  // upstream_responses.cc
  void upstream_response(imap::ResponseEvent event);
  void cut_referral();
  void on_untagged();
  void cut_enabled();
  void on_continuation();
  void on_tagged();
  void complete();
  void track_selected(imap::Verb verb, const imap::Response& response);
  bool is_hidden(Octets capability) const;

  Core& core_;
  Telling& telling_;
  Errands& errands_;
  IdleState idle_ = IdleState::None;
  ParkedFor parked_for_ = ParkedFor::Others;
  bool stray_done_ = false;  // IDLE ended or was refused while a DONE may be under way
  bool held_was_granted_ = false;
  Passing passing_;
  std::unique_ptr<Sending> sending_;
  std::unique_ptr<ParkedCommand> parked_;
  std::optional<filters::SelectedMailbox> selected_;
  std::string opening_;  // the mailbox of the SELECT or EXAMINE under way
};

}  // namespace postern::session
