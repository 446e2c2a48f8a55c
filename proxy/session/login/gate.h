// From the first octet to the login's end: the client's TLS and STARTTLS, what the gateway answers before
// login, one attempt to log in at a time, and who the client is (protocol.md §2). Owns the phase, the attempt
// and the identity. No upstream is concerned before there are credentials; whoever is through is handed to
// Relaying. Private to the session; single-threaded.
//
//   Handshake ─TLS is up► NotAuthenticated ─LOGIN, AUTHENTICATE► Authenticating ─OK► Relaying
//       ▲                   │            ▲                             │
//       └─────STARTTLS──────┘            └─────────NO, BAD─────────────┘
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/filter.h"
#include "session/core.h"
#include "session/errands/errands.h"
#include "session/login/identity.h"
#include "session/login/login.h"
#include "session/telling/telling.h"

namespace postern::session {

enum class Phase : std::uint8_t { Handshake, NotAuthenticated, Authenticating, Relaying };

class Gate {
 public:
  Gate(Core& core, Telling& telling, Errands& errands) noexcept
      : core_(core), telling_(telling), errands_(errands) {}

  void open();  // once, at the session's beginning
  Phase phase() const noexcept { return phase_; }
  bool logged_in() const noexcept { return phase_ == Phase::Relaying; }
  bool is_logging_in() const noexcept { return login_ != nullptr; }
  // Nothing of the upstream's is looked at meanwhile.
  bool awaits_seat() const noexcept { return login_ && login_->stage == LoginStage::Seating; }
  // What filters are told before the login is over.
  filters::Context context() const;

  // --- octets: only before the login is over ------------------------------------------------------------
  bool can_scan() const noexcept;
  void client(Octets& in);  // takes the next event of the client's from the front
  void consumed();          // … and its octets are gone from the leg
  void upstream(Octets& in);
  // The client has ended: is there anything left that could be answered?
  bool is_served() const noexcept;

  // --- events -------------------------------------------------------------------------------------------
  void tls_ready(const TlsReady& ready);
  void connected(const UpstreamConnected& connected);
  void dial_failed(ErrorCode code);
  void upstream_ended(ErrorCode code);  // before the login is over
  void penalty(Duration delay);
  void answered(const asked::Answer& answer);  // the one that is awaited
  void strike(Clock clock);                    // UpstreamConnect, UpstreamLogin, Parked or Penalty
  void clear();                                // the session is over

 private:
  void enter(Phase phase) noexcept;

  // before_login.cc
  void greet();
  const std::string& offered() const noexcept;
  void before_login(imap::CommandEvent event);
  void argument_literal();
  bool needs_tls() const noexcept;
  bool is_not_imap();
  void answer_id(const imap::Command& command);
  void answer_before_login(imap::Command& command);
  void deny(const imap::Command& command, const filters::Decision& decision);
  void answer_starttls(const imap::Command& command);
  void begin_starttls();
  void bad_line(Octets tag, Octets text);
  void refuse_before_login(Octets answer);
  void swallow(std::string answer);

  // login.cc
  void begin_login(const imap::Command& command);
  void begin_authenticate(const imap::Command& command);
  bool is_mechanism_offered(const std::string& name) const;
  void first_response(Octets line);
  void sasl_line(imap::CommandEvent event);
  void later_response(Octets line);
  void begin_external(Octets authzid);
  std::optional<std::string> external_user() const;
  std::optional<LoginRefusal> judge_login();
  std::optional<LoginRefusal> refusal_at(const config::MasterLogin& master) const;
  void dial(std::string user);
  void next_candidate(ErrorCode failed, std::optional<Clock> struck = std::nullopt);
  void on_setup(SetupStep step);
  void send_credentials();
  void login_response();
  void keep_untagged();
  std::string verdict_for_client(Octets whole) const;
  void on_challenge();
  void on_verdict();
  void login_broken(ErrorCode code, std::string_view received);
  void ask_seat();
  void login_succeeded();
  void login_done();
  void login_refused(telemetry::AuthResult result, ErrorCode code, std::string answer,
                     std::optional<Clock> struck = std::nullopt);
  void login_over();  // tells the verdict, back to NotAuthenticated
  void count_auth(imap::Mechanism mechanism, telemetry::AuthResult result);
  void close_upstream();

  Core& core_;
  Telling& telling_;
  Errands& errands_;
  Phase phase_ = Phase::Handshake;
  bool starttls_asked_ = false;
  bool first_line_ = true;
  std::uint8_t bad_lines_ = 0;
  std::unique_ptr<LoginAttempt> login_;
  ClientIdentity identity_;
};

}  // namespace postern::session
