// All that a session remembers. Private to this folder; what is done with it stands in impl.h.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_queue.h"
#include "imap/command_scanner.h"
#include "imap/mailbox_naming.h"
#include "imap/response_scanner.h"
#include "session/auditing.h"
#include "session/environment.h"
#include "session/errand.h"
#include "session/events.h"
#include "session/identity.h"
#include "session/leg.h"
#include "session/login.h"
#include "session/parked.h"
#include "session/passing.h"
#include "session/pending.h"
#include "session/phase_clock.h"
#include "session/sending.h"

namespace postern::session {

enum class Phase : std::uint8_t { Handshake, NotAuthenticated, Authenticating, Relaying };
enum class IdleState : std::uint8_t { None, Waiting, Active, Ending };

// What the scanner of the client's commands is bounded by.
imap::CommandLimits command_limits_of(const config::Settings& settings) noexcept;
// Of the gateway's own tags towards the upstream: cannot be guessed without the seed.
std::string tag_stem(std::uint64_t seed, std::uint64_t serial);

struct State {
  State(Environment environment, filters::Chain chain, Instant now)
      : env_(std::move(environment)),
        chain_(std::move(chain)),
        client_scanner_(command_limits_of(*env_.settings)),
        now_(now),
        last_client_(now),
        last_upstream_(now) {}

  Environment env_;
  filters::Chain chain_;
  Phase phase_ = Phase::Handshake;
  IdleState idle_ = IdleState::None;
  telemetry::SessionState state_ = telemetry::SessionState::Unauthenticated;
  bool closing_ = false;
  bool draining_ = false;
  bool bye_seen_ = false;
  bool upstream_open_ = false;
  std::optional<ErrorCode> client_end_;  // it will send no more
  bool starttls_asked_ = false;
  bool first_line_ = true;
  bool stray_done_ = false;  // IDLE ended or was refused while a DONE may be under way
  bool upstream_has_id_ = false;
  bool held_was_granted_ = false;
  bool delayed_ = false;  // what is parked goes on at parked_until_
  std::uint8_t bad_lines_ = 0;
  std::array<Leg, 2> legs_;  // by Side
  imap::CommandScanner client_scanner_;
  imap::ResponseScanner upstream_scanner_;
  Passing passing_;
  PendingCommands pending_;
  std::vector<Action> actions_;
  std::unique_ptr<LoginAttempt> login_;
  std::unique_ptr<Sending> sending_;
  std::unique_ptr<ParkedCommand> parked_;
  std::string swallow_answer_;
  std::string user_;
  imap::MailboxNaming naming_;
  filters::UpstreamAbilities abilities_;
  std::optional<filters::SelectedMailbox> selected_;
  std::string opening_;                                 // the mailbox of the SELECT or EXAMINE under way
  std::unique_ptr<filters::SpecialMailboxes> special_;  // null: nobody needs it
  std::unique_ptr<Errand> errand_;
  std::unique_ptr<Auditing> auditing_;           // null: no command is recorded
  std::unique_ptr<filters::Decision> farewell_;  // ends the session when what is under way is answered
  TlsFacts client_tls_;
  ClientIdentity identity_;
  Fault fault_;
  std::string upstream_state_;
  std::size_t turn_ = 0;  // commands judged in this call
  std::uint64_t commands_ = 0;
  std::uint64_t hold_id_ = 0;
  std::uint64_t own_serial_ = 0;
  std::uint64_t record_number_ = 0;
  std::size_t client_queue_seen_ = 0;
  Instant now_;
  PhaseClock phase_clock_;  // handshake or login
  Instant parked_until_ = Instant::max();
  Instant drain_until_ = Instant::max();
  Instant last_client_;
  Instant last_upstream_;
};

}  // namespace postern::session
