// The inside of Session, split by what happens when: session.cc (driving, deadlines, ends), before_login.cc,
// login.cc, client_commands.cc and upstream_responses.cc (relaying). Private to this folder.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_queue.h"
#include "imap/command_scanner.h"
#include "imap/mailbox_naming.h"
#include "imap/response_scanner.h"
#include "session/identity.h"
#include "session/leg.h"
#include "session/login.h"
#include "session/parked.h"
#include "session/passing.h"
#include "session/pending.h"
#include "session/phase_clock.h"
#include "session/sending.h"
#include "session/session.h"

namespace postern::session {

using telemetry::index_of;

enum class Phase : std::uint8_t { Handshake, NotAuthenticated, Authenticating, Relaying };
enum class IdleState : std::uint8_t { None, Waiting, Active, Ending };

struct Session::Impl {
  Impl(Environment environment, filters::Chain chain, Instant now);
  ~Impl();

  // session.cc: driving
  void input(Side side, Octets plain);
  void event(const Event& event);
  void tick();
  void run();
  void keep();
  void process_client();
  void process_upstream();
  bool can_scan_client() const noexcept;
  bool wants_read(Side side) const noexcept;
  Leg& leg(Side side) noexcept { return legs_[static_cast<std::size_t>(side)]; }
  const Leg& leg(Side side) const noexcept { return legs_[static_cast<std::size_t>(side)]; }
  void emit(Side side, Octets range);  // borrows if it lies in what was just read, else copies
  bool lends(Octets range) const noexcept { return legs_[0].lends(range) || legs_[1].lends(range); }
  void say(std::initializer_list<Octets> parts);  // to the client
  void act(Action action) { actions_.push_back(std::move(action)); }
  void on_tls_ready(const TlsReady& ready);
  void on_end_of_file(const EndOfFile& end);
  bool is_served() const noexcept;
  void on_failed(const Failed& failed);
  void on_upstream_ended(ErrorCode code);
  void maybe_drain();
  void set_state(telemetry::SessionState state);
  Instant deadline() const noexcept;
  Instant idle_deadline() const noexcept;
  Instant silence_deadline() const noexcept;

  // session.cc: ends
  void end(ErrorCode code, Octets response_code = {});
  void fault(ErrorCode code, Side side, std::string_view expected, Octets excerpt = {});
  void client_fault(ErrorCode code);  // the client broke the framing: BAD, BYE, close
  filters::Context context() const;
  const config::Settings& settings() const noexcept { return *env_.settings; }
  imap::CommandLimits command_limits() const noexcept;
  telemetry::WorkerCells& cells() noexcept { return *env_.cells; }
  telemetry::ListenerCells& listener_cells() noexcept {
    return env_.cells->listeners[env_.facts.listener_index];
  }

  // before_login.cc
  void greet();
  const std::string& offered() const noexcept;
  void before_login(imap::CommandEvent event);
  bool needs_tls() const noexcept;
  bool is_not_imap();
  void answer_id(const imap::Command& command);
  void answer_before_login(imap::Command& command);
  void answer_starttls(const imap::Command& command);
  void begin_starttls();
  void bad_line(Octets tag, Octets text);
  void refuse_before_login(Octets answer);

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
  void next_candidate(ErrorCode failed);
  void upstream_connected(const UpstreamConnected& connected);
  void on_setup(SetupStep step);
  void send_credentials();
  void login_response();
  void keep_untagged();
  std::string told_verdict(Octets whole) const;
  void on_challenge();
  void on_verdict();
  void login_broken(ErrorCode code, std::string_view received);
  void login_succeeded();
  void login_done();
  void login_refused(telemetry::AuthResult result, ErrorCode code, std::string answer);
  void login_penalty(Duration delay);
  void login_over();  // tells the verdict, back to NotAuthenticated
  void count_auth(imap::Mechanism mechanism, telemetry::AuthResult result);
  void close_upstream();

  // client_commands.cc
  void client_command(imap::CommandEvent event);
  void argument_literal();
  void judge(imap::Command& command);
  bool must_wait(const imap::Command& command) const noexcept;
  void decide(imap::Command& command);
  bool answer_locally(const imap::Command& command);
  bool is_too_large(const imap::Command& command);
  bool breaks_literal_minus(const imap::Command& command);
  ShownWords shown_words(Octets words) const;
  bool edit_enable(imap::Command& command, std::string& rewritten);
  void forward(imap::Command& command, bool held);
  void send(const std::string& tag, imap::Program program, bool body, bool body_synchronising);
  void judge_part(imap::Command& part);
  void abort_append(Octets answer);
  void refuse(const imap::Command& command, std::string answer);
  void swallow(std::string answer);
  void add_answer(std::string answer);
  void idle_line(imap::CommandEvent event);
  void malformed();
  void park(const imap::Command& command, Instant until, bool delayed = false);
  void unpark();
  void go_on();
  void released(const Released& released);
  void count(imap::Verb verb, telemetry::CommandResult result);

  // upstream_responses.cc
  void upstream_response(imap::ResponseEvent event);
  void cut_referral();
  void on_untagged();
  void cut_enabled();
  void on_continuation();
  void on_tagged();
  void complete();
  void track_selected(imap::Verb verb, imap::Status status);
  std::string edited_capabilities(Octets list) const;
  bool is_hidden(Octets capability) const;
  void flush_answers();

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
  bool selected_ = false;
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
  TlsFacts client_tls_;
  ClientIdentity identity_;
  Fault fault_;
  std::string upstream_state_;
  std::size_t turn_ = 0;  // commands judged in this call
  std::uint64_t commands_ = 0;
  std::uint64_t hold_id_ = 0;
  std::size_t client_queue_seen_ = 0;
  Instant now_;
  PhaseClock phase_clock_;  // handshake or login
  Instant parked_until_ = Instant::max();
  Instant drain_until_ = Instant::max();
  Instant last_client_;
  Instant last_upstream_;
};

}  // namespace postern::session
