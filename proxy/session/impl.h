// The inside of Session, split by what happens when: session.cc (driving, deadlines, ends), before_login.cc,
// login.cc, client_commands.cc and upstream_responses.cc (relaying), own_commands.cc (what the gateway asks
// the upstream itself), audit.cc (what the trail is told of commands). Its data are in state.h. Private to
// this folder.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "session/session.h"
#include "session/state.h"

namespace postern::session {

using telemetry::index_of;

struct Session::Impl : State {
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
  void end(ErrorCode code, Octets response_code = {}, Octets text = {});  // text: else the row's
  void end_by(const filters::Decision& decision) { end(decision.code, {}, decision.text); }
  void fault(ErrorCode code, Side side, std::string_view expected, Octets excerpt = {});
  void client_fault(ErrorCode code);  // the client broke the framing: BAD, BYE, close
  filters::Context context() const;
  // As far as it is known, from the moment on when a login has shown it.
  const std::string& known_user() const noexcept { return login_ ? login_->user : user_; }
  const config::Settings& settings() const noexcept { return *env_.settings; }
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
  void forward(imap::Command& command, filters::Rewriting rewriting, bool held,
               std::unique_ptr<AuditedCommand> told);
  void send(const std::string& tag, imap::Program program, bool body, bool body_synchronising);
  void judge_part(imap::Command& part);
  void pass_part(const imap::Command& part, bool held);
  void send_part(const imap::Command& part);
  void abort_append(Octets answer, ErrorCode code);
  bool rewrite(imap::Command& command, filters::Rewriting rewriting, std::string& rewritten);
  void tell_decision(const filters::Decision& decision, const imap::Command* command, imap::Verb verb);
  void refuse(const imap::Command& command, std::string answer);
  void swallow(std::string answer);
  void add_answer(std::string answer);
  void idle_line(imap::CommandEvent event);
  void malformed();
  void park(const imap::Command& command, Instant until, bool delayed = false);
  void unpark();
  void go_on();
  void released(const Released& released);
  void hold_expired();
  void refuse_held(imap::Command& command, ErrorCode code);
  void count(imap::Verb verb, telemetry::CommandResult result);
  bool removals_are_barriers() const noexcept {
    return auditing_ || settings().limits.deletions.messages > 0;
  }

  // audit.cc
  void begin_auditing();
  std::uint64_t next_record() noexcept { return ++record_number_; }
  std::unique_ptr<audit::Record> new_record(std::uint64_t number, audit::Body body);
  std::unique_ptr<AuditedCommand> audited(const imap::Command& command, const imap::CommandEffect& effect);
  void record_and_forward(imap::Command& command, const filters::Decision& decision, bool held);
  void record_and_pass(imap::Command& part, bool held);
  void await_trail(const imap::Command& command, std::unique_ptr<audit::Record> intent, bool outcome);
  bool awaits_trail() const noexcept;
  void recorded(imap::Command& command);
  std::unique_ptr<audit::Record> unforwarded(ErrorCode code);
  void begin_audited(AuditedCommand& told) const;
  void tell_outcome(AuditedCommand& told, audit::CommandResult result, ErrorCode code);
  void tell_outcome(AuditedCommand& told, imap::Status status);
  void tell_losses(ErrorCode code);
  void watch_response(imap::ResponseEvent event);
  void keep_answered_uids();
  void tell_id(Octets args);
  bool cannot_record_login() const noexcept;

  // own_commands.cc
  void learn(const filters::Needs& needs);
  void ask(const filters::Question& question);
  void leave_mailbox(Octets client_tag);
  void run_errand();
  void send_own_chunk();
  void own_completed(imap::Status status);
  void answered(const filters::Answer& answer);
  void abandon_question();
  std::string own_tag() { return tag_stem(env_.tag_seed, ++own_serial_); }

  // upstream_responses.cc
  void upstream_response(imap::ResponseEvent event);
  bool takes_own_line();
  void cut_referral();
  void on_untagged();
  void cut_enabled();
  void on_continuation();
  void on_tagged();
  void complete();
  void track_selected(imap::Verb verb, const imap::Response& response);
  std::string edited_capabilities(Octets list) const;
  bool is_hidden(Octets capability) const;
  void flush_answers();
};

}  // namespace postern::session
