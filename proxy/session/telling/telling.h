// What the audit trail, the log and the metrics hear of a session: what a rule or a limit has made of a
// command, what a command is about to do, before it is forwarded, and how it ended (protocol.md §5). It is no
// filter: it decides nothing, and has to see what the filters decided. Owns what is remembered of the
// commands that are recorded, which is nothing where none are. Private to the session; single-threaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "filters/filter.h"
#include "session/core.h"
#include "session/telling/audited_command.h"

namespace postern::session {

class Telling {
 public:
  explicit Telling(Core& core) noexcept : core_(core) {}

  std::uint64_t next_record() noexcept { return ++record_number_; }
  // For the metrics and the log, once for each command. `command`: null where its arguments are nobody's
  // business yet; `context`: as the filters saw it.
  void decided(const filters::Decision& decision, imap::Verb verb, const filters::Context& context,
               const imap::Command* command = nullptr);

  // --- around the login ---------------------------------------------------------------------------------
  void client_id(Octets args);  // of an ID
  bool cannot_record_login() const noexcept;
  void begin();  // from the login on, where commands are recorded
  bool records_commands() const noexcept { return notes_ != nullptr; }

  // --- before a command goes ----------------------------------------------------------------------------
  // Of the command that is judged next; nothing: nobody has counted.
  void expect(std::optional<std::uint64_t> messages) noexcept;
  struct Ahead {
    std::unique_ptr<AuditedCommand> audited;  // goes with the command; null: nothing of it is recorded
    bool waits = false;  // it has to wait for the trail, which has been asked: see awaits_trail()
  };
  Ahead before(const imap::Command& command, const filters::Decision& decision,
               const filters::Context& context);
  // Before a later part of the APPEND `append` goes. True: it has to wait likewise.
  bool before_part(const imap::Command& part, AuditedCommand& append);
  // A command goes upstream now. Null: nothing of it is recorded.
  void forwarding(AuditedCommand* audited) noexcept;

  // --- while one waits for the trail --------------------------------------------------------------------
  bool awaits_trail() const noexcept { return notes_ && (notes_->waiting || notes_->part_waits); }
  struct Granted {
    std::unique_ptr<AuditedCommand> audited;  // null: it was a part
    filters::Rewriting rewriting = filters::Rewriting::None;
  };
  // It is on disk, or has its room. `append`: the one that is under way, if any is.
  Granted granted(AuditedCommand* append);
  // What waited will not be forwarded: its outcome. Null: it has none of its own.
  std::unique_ptr<audit::Record> unforwarded(ErrorCode code, const AuditedCommand* append);

  // --- how it ended -------------------------------------------------------------------------------------
  // `code`: why it is lost, or why the gateway has answered it.
  void outcome(AuditedCommand& audited, audit::CommandResult result, ErrorCode code = ErrorCode::Ok);
  void outcome(AuditedCommand& audited, imap::Status status);
  // The session is over: what is under way has no outcome that anybody will ever know. `unsent`: not at the
  // upstream yet.
  void losses(ErrorCode code, const AuditedCommand* append, AuditedCommand* unsent);

  // --- what the upstream says meanwhile -----------------------------------------------------------------
  void watch(imap::ResponseEvent event);
  // Behind a whole response. `tag`: of the command that it completes; empty: none.
  void keep_answered_uids(Octets tag);

 private:
  std::unique_ptr<audit::Record> new_record(std::uint64_t number, audit::Body body);
  std::unique_ptr<audit::Record> intent_of(const AuditedCommand& audited);
  void await_trail(std::unique_ptr<audit::Record> intent, bool outcome);

  Core& core_;
  std::uint64_t record_number_ = 0;
  std::unique_ptr<TrailNotes> notes_;  // null: no command is recorded
};

}  // namespace postern::session
