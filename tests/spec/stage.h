// One Session with a scripted client and upstream around it, under a virtual clock: does for it what a Relay
// does, in a chosen way of cutting the input and of lending memory. It checks after every step what must hold
// of any session; what it finds stands in problems().
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "session/session.h"
#include "spec/audit_double.h"
#include "spec/test_filters.h"
#include "telemetry/cells.h"
#include "unit/filters/ledger_double.h"

namespace postern::spec {

// How the octets of a chunk are handed over, and how long the memory that they lie in lives.
struct Way {
  enum class Memory {
    Stays,              // to the end of the run; keep() is not called while everything can be written
    GoesAfterWriting,   // write, keep(), then the memory is overwritten and freed
    GoesBeforeWriting,  // keep() first: as if nothing could be written
  };
  std::size_t piece = 0;  // octets at a time; 0 = whole chunks
  std::size_t split = 0;  // cut each chunk in two behind so many octets; 0 = not
  Memory memory = Memory::Stays;

  std::string text() const;
};

struct Setting {
  config::Settings settings;
  config::ListenerTls listener = config::ListenerTls::Implicit;
  bool trusted = false;               // the client is a proxy whose ID is believed
  std::optional<std::string> probed;  // the upstreams' capabilities, lists separated by "|"
  Names denied, closed, held;
  std::string denied_text;
  Names denied_mailboxes;
  Names denied_users, closed_users;
  config::MasterLogin master;  // of the upstream; user empty: it has none
  bool hold_parts = false;
  std::vector<std::string> seated;  // users who have another session each
  bool audit_has_room = true;
  bool asks_seat = false;  // the dialogue answers
  bool audit_is_writable = true;
};

class Stage {
 public:
  static constexpr const char* kPassword = "pa55word";  // must never be seen by the client or in a fault
  static constexpr const char* kMasterPassword = "ma5terword";  // neither

  Stage(const Setting& setting, const Way& way);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void send(Side side, const std::string& chunk);
  void end_of_file(Side side, bool truncated);  // behind what was sent before
  void happen(const session::Event& event);
  void wait(Duration time);
  void takes(Side side, std::size_t octets);  // the peer, which does not read otherwise
  void stops_reading(Side side, bool stops);  // the peer: what is said to it stays in the queue

  void holds(const session::Backlog& backlog);
  const session::Backlog& backlog() const { return backlog_; }

  std::string& seen(Side side) { return seen_[index(side)]; }
  std::vector<std::string>& asked() { return asked_; }
  session::Session& session() { return *session_; }
  const FilterCounts& counts() const { return counts_; }
  bool closed() const { return closed_; }
  std::uint64_t question() const { return question_; }  // that was asked last
  void answer(bool granted, std::uint64_t id);
  std::uint64_t sessions_of(const std::string& user) { return ledger_.users[to_upper(user)].sessions; }
  testing::AuditDouble& audit() { return audit_; }
  std::optional<Duration> time_left() const;
  std::uint64_t sessions_in(telemetry::SessionState state) const;
  std::uint64_t commands(imap::Verb verb, telemetry::CommandResult result) const;

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Waiting {  // for the session to want it
    std::string octets;
    bool end_of_file = false;
    bool truncated = false;
  };

  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  void settle();
  bool feed();
  bool feed(Side side);
  void carry_out();
  void note(const session::Action& action);
  bool answered_at_once(const session::Action& action);
  void write(Side side);
  void release_memory();
  void check();
  void look_for_secrets(const std::string& octets);
  void problem(const std::string& text);

  Setting setting_;
  Way way_;
  telemetry::WorkerCells cells_;
  FilterCounts counts_;
  testing::LedgerDouble ledger_;
  testing::AuditDouble audit_;
  std::vector<std::unique_ptr<UserSeat>> seats_;
  std::optional<session::Session> session_;
  Instant now_{std::chrono::seconds(1000)};
  std::array<std::deque<Waiting>, 2> waiting_;
  std::array<std::string, 2> seen_;
  std::array<bool, 2> deaf_{};
  session::Backlog backlog_;
  std::array<std::size_t, 2> largest_input_{};
  std::deque<std::vector<char>> memory_;
  std::vector<std::string> asked_;
  std::vector<std::string> problems_;
  std::uint64_t question_ = 0;
  std::uint64_t asked_record_ = 0;  // the question for the trail
  bool closed_ = false;
  bool fell_behind_ = false;  // something could not be written at once
  bool upstream_present_ = false;
  bool awaits_penalty_ = false;
};

}  // namespace postern::spec
