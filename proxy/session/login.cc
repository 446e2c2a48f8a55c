// Logging in: the credentials' way from the client to the upstream, and the verdict's way back (protocol.md
// §2).
#include "session/login.h"

#include <algorithm>
#include <utility>

#include "imap/arguments.h"
#include "session/capability_line.h"
#include "session/credentials.h"
#include "session/impl.h"
#include "session/verdict.h"

namespace postern::session {
namespace {

using imap::Mechanism;
using telemetry::AuthResult;

// Longer first responses go as an answer to "+": servers bound the command line before login far tighter.
constexpr std::size_t kInitialResponseBytes = 1024;
constexpr std::size_t kExcerptBytes = 16;          // of an answer that is quoted in the log
constexpr std::size_t kUntaggedBytes = 16 * 1024;  // what the upstream may say before its verdict

constexpr Octets kCancelled = "BAD AUTHENTICATE cancelled";
constexpr Octets kBadBase64 = "BAD Invalid base64";
constexpr Octets kNoSecurityLayer = "NO [CANNOT] Security layers are not possible here";
constexpr Octets kImpossibleName = "NO [CANNOT] This user name is not possible here";

// The client's own LOGIN, and that of the master user for whom a certificate speaks.
bool is_sent_as_login(Mechanism mechanism) noexcept {
  return mechanism == Mechanism::Login || mechanism == Mechanism::External;
}

LoginRefusal refusal(const filters::Decision& decision) { return {decision.code, decision.answer()}; }
LoginRefusal refusal(ErrorCode code, Octets response_code) {
  return refusal(filters::Decision::deny(code, response_code));
}

}  // namespace

std::string tag_stem(std::uint64_t seed, std::uint64_t serial) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string stem = "P";
  for (std::uint64_t bits = seed ^ (serial * 0x9E3779B97F4A7C15U); stem.size() < 13;
       bits = bits >> 5 | bits << 59)
    stem += kDigits[bits & 31];
  return stem;
}

void Session::Impl::count_auth(Mechanism mechanism, AuthResult result) {
  listener_cells().auth[index_of(mechanism)][index_of(result)].add();
}

void Session::Impl::begin_login(const imap::Command& command) {
  imap::ArgumentReader reader(command.args);
  const auto user = reader.astring();
  const bool spaced = user && reader.space();
  auto password = spaced ? reader.secret_astring() : std::nullopt;
  if (!password || !reader.at_end()) {
    count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "Expected: LOGIN user password");
  }
  if (breaks_a_line(*user) || breaks_a_line(password->reveal())) {
    count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "NUL, CR or LF in LOGIN");
  }
  login_ = std::make_unique<LoginAttempt>();
  login_->begun = now_;
  login_->tag = command.tag;
  login_->password = std::move(*password);
  auto name = rewritten_name(env_.user_rewrite.get(), *user);
  if (!name) return login_refused(AuthResult::Denied, ErrorCode::Cannot, std::string(kImpossibleName));
  dial(std::move(*name));
}

bool Session::Impl::is_mechanism_offered(const std::string& name) const {
  const Mechanism mechanism = imap::mechanism_of(name);
  if (mechanism == Mechanism::External) return external_user().has_value();
  if (imap::is_channel_bound(name) || (env_.user_rewrite && !carries_name_alone(mechanism))) return false;
  const auto& offered_names = env_.offer->mechanisms;
  return !env_.offer->probed ||
         std::find(offered_names.begin(), offered_names.end(), name) != offered_names.end();
}

void Session::Impl::begin_authenticate(const imap::Command& command) {
  imap::ArgumentReader reader(command.args);
  const auto name = reader.atom();
  const bool has_initial = name && !reader.at_end();
  const bool well_formed = name && (!has_initial || reader.space());
  const Octets initial = reader.rest();
  if (!well_formed || (has_initial && initial != "=" && (initial.empty() || !imap::is_base64(initial)))) {
    count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "Expected: AUTHENTICATE mechanism, or with an initial response in base64");
  }
  const std::string upper = to_upper(*name);
  const imap::MechanismRow& row = imap::row_of(imap::mechanism_of(upper));
  if (!is_mechanism_offered(upper)) {
    count(command.verb, telemetry::CommandResult::No);
    count_auth(row.mechanism, AuthResult::Denied);
    return say({command.tag, " NO [CANNOT] Unsupported authentication mechanism\r\n"});
  }
  // LOGIN is server-first, but its first challenge is always the same question for the name.
  const bool asks_first = row.client_first || row.mechanism == Mechanism::SaslLogin;
  if (has_initial && !asks_first && row.mechanism != Mechanism::Other) {
    count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "This mechanism has no initial response");
  }
  if (has_initial && initial.size() > settings().limits.sasl) return client_fault(ErrorCode::SaslTooLong);
  login_ = std::make_unique<LoginAttempt>();
  login_->begun = now_;
  login_->tag = command.tag;
  login_->mechanism = row.mechanism;
  login_->mechanism_name = upper;
  phase_ = Phase::Authenticating;
  if (has_initial) return first_response(initial == "=" ? Octets() : initial);
  if (!asks_first) return dial({});
  login_->stage = LoginStage::ClientFirst;
  say({row.mechanism == Mechanism::SaslLogin ? Octets("+ VXNlcm5hbWU6\r\n") : Octets("+ \r\n")});
}

void Session::Impl::first_response(Octets line) {
  login_->initial = Secret(line);
  login_->has_initial = true;
  const auto decoded = imap::decode_base64(line);
  if (!decoded)
    return login_refused(AuthResult::Denied, ErrorCode::MalformedCommand, std::string(kBadBase64));
  const bool scram = login_->mechanism == Mechanism::ScramSha1 || login_->mechanism == Mechanism::ScramSha256;
  // The client could bind the channel, saw no -PLUS and says so; the upstream that offers it would have to
  // take that for a downgrade (RFC 5802 §6).
  if (scram && env_.offer->plus_offered && imap::claims_no_plus_seen(decoded->reveal()))
    return login_refused(AuthResult::Denied, ErrorCode::Cannot,
                         "NO [CANNOT] Channel binding is not possible here");
  if (login_->mechanism == Mechanism::External) return begin_external(decoded->reveal());
  if (!env_.user_rewrite) return dial(imap::user_in_response(login_->mechanism, decoded->reveal()));
  auto named = rewritten_response(*env_.user_rewrite, login_->mechanism, decoded->reveal());
  if (!named) return login_refused(AuthResult::Denied, ErrorCode::Cannot, std::string(kImpossibleName));
  if (!named->response.empty()) login_->initial = std::move(named->response);
  dial(std::move(named->user));
}

std::optional<std::string> Session::Impl::external_user() const {
  if (env_.offer->is_certified.empty()) return std::nullopt;
  return certified_user(client_tls_, settings().tls.client_auth.user_from, env_.user_rewrite.get());
}

// RFC 4422 appendix A. The response names whom to act for: nobody but the one that the certificate names.
void Session::Impl::begin_external(Octets authzid) {
  login_->initial.clear();
  login_->has_initial = false;
  const auto user = external_user();
  const bool is_own = user && (authzid.empty() || authzid == *user ||
                               rewritten_name(env_.user_rewrite.get(), authzid) == user);
  if (is_own) return dial(*user);
  const auto refused = refusal(ErrorCode::AuthorizationFailed, "AUTHORIZATIONFAILED");
  login_refused(AuthResult::Denied, refused.code, refused.answer);
}

// What the filters say to this user's login; nothing: they let it pass, or the session has ended.
std::optional<LoginRefusal> Session::Impl::judge_login() {
  login_->judged = true;
  const imap::Verb verb =
      login_->mechanism == Mechanism::Login ? imap::Verb::Login : imap::Verb::Authenticate;
  filters::Decision decision = chain_.on_login(verb, context());
  if (decision.ruling == filters::Ruling::Pass && cannot_record_login())
    decision = filters::Decision::deny(ErrorCode::AuditUnavailable, "UNAVAILABLE");
  tell_decision(decision, nullptr, verb);
  if (decision.ruling == filters::Ruling::Close) end_by(decision);
  if (decision.ruling != filters::Ruling::Deny) return std::nullopt;
  return refusal(decision);
}

// An upstream with a master user reads USER<separator>MASTER as an order to log in somebody else: such a name
// comes from the gateway alone.
std::optional<LoginRefusal> Session::Impl::refusal_at(const config::MasterLogin& master) const {
  const LoginAttempt& login = *login_;
  if (master.user.empty()) {
    if (login.mechanism != Mechanism::External) return std::nullopt;
    return refusal(ErrorCode::NoMasterUser, "CANNOT");
  }
  if (!names_have(master.separator, login.user, login.mechanism, login.initial.reveal())) return std::nullopt;
  return refusal(ErrorCode::AuthorizationFailed, "AUTHORIZATIONFAILED");
}

void Session::Impl::sasl_line(imap::CommandEvent event) {
  if (event == imap::CommandEvent::NeedMore) return;
  if (event == imap::CommandEvent::Malformed) {
    const bool too_long = client_scanner_.error() == ErrorCode::LineTooLong;
    return client_fault(too_long ? ErrorCode::SaslTooLong : client_scanner_.error());
  }
  const Octets line = client_scanner_.octets();
  const Octets taken_back = line == "*" ? kCancelled : imap::is_base64(line) ? Octets() : kBadBase64;
  if (login_->stage == LoginStage::ClientFirst) {
    if (taken_back.empty()) return first_response(line);
    return login_refused(AuthResult::Denied, ErrorCode::MalformedCommand, std::string(taken_back));
  }
  login_->stage = LoginStage::ServerTurn;
  phase_clock_.stop(now_);
  if (taken_back.empty()) {
    later_response(line);
    if (closing_) return;
  } else {
    login_->taken_back = LoginRefusal{ErrorCode::MalformedCommand, std::string(taken_back)};
  }
  emit(Side::Upstream, login_->taken_back ? Octets("*") : line);
  emit(Side::Upstream, "\r\n");
}

// What a response to a challenge shows: the user's name, too late for the choice of an upstream, and the wish
// for a layer of its own between client and upstream, behind which nobody here could read.
void Session::Impl::later_response(Octets line) {
  const imap::MechanismRow& row = imap::row_of(login_->mechanism);
  if (!row.names_later || !login_->user.empty()) return;
  const auto decoded = imap::decode_base64(line);
  login_->user = imap::user_in_response(row.mechanism, decoded->reveal());
  if (row.mechanism == Mechanism::DigestMd5 && imap::wants_security_layer(decoded->reveal()))
    login_->taken_back = LoginRefusal{ErrorCode::Cannot, std::string(kNoSecurityLayer)};
  if (!login_->taken_back) login_->taken_back = refusal_at(login_->master);
  if (!login_->taken_back && (!login_->judged || !login_->user.empty())) {
    auto refused = judge_login();
    if (!closing_) login_->taken_back = std::move(refused);
  }
}

void Session::Impl::dial(std::string user) {
  phase_ = Phase::Authenticating;
  phase_clock_.stop(now_);
  login_->user = user;
  if (!imap::row_of(login_->mechanism).names_later) {
    const auto refused = judge_login();
    if (refused) return login_refused(AuthResult::Denied, refused->code, refused->answer);
    if (closing_) return;
  }
  login_->stage = LoginStage::Connecting;
  login_->connect_until = now_ + settings().limits.timeouts.upstream_connect;
  login_->upstream_until = now_ + settings().limits.timeouts.upstream_login;
  if (identity_.hops_left() <= 0) {
    upstream_state_ =
        "x-proxy-ttl has run out: the way to the upstream leads through too many proxies, or in a circle";
    std::string answer = "NO [UNAVAILABLE] ";
    return login_refused(AuthResult::Temporary, ErrorCode::ProxyLoop,
                         answer.append(row_of(ErrorCode::ProxyLoop).client));
  }
  upstream_state_ = "not connected";
  act(Connect{std::move(user), false, ErrorCode::Ok});
}

void Session::Impl::next_candidate(ErrorCode failed) {
  close_upstream();
  login_->setup.reset();
  login_->stage = LoginStage::Connecting;
  login_->connect_until = now_ + settings().limits.timeouts.upstream_connect;
  act(Connect{login_->user, true, failed});
}

void Session::Impl::close_upstream() {
  upstream_open_ = false;
  leg(Side::Upstream).drop();
  leg(Side::Upstream).out.clear();
  upstream_scanner_ = imap::ResponseScanner();
  passing_.incomplete = false;
}

void Session::Impl::upstream_connected(const UpstreamConnected& connected) {
  if (!login_ || login_->stage != LoginStage::Connecting) return;  // the client has gone meanwhile
  upstream_open_ = true;
  leg(Side::Upstream).out.set_secret(true);
  if (const auto refused = refusal_at(connected.master))
    return login_refused(AuthResult::Denied, refused->code, refused->answer);
  login_->master = connected.master;
  login_->stage = LoginStage::Setup;
  login_->setup.emplace(connected.tls, own_tag(),
                        identity_.for_upstream(connected.send_id, settings().rewrite.id, env_.facts,
                                               client_tls_, env_.version));
  on_setup(login_->setup->begin());
}

void Session::Impl::on_setup(SetupStep step) {
  UpstreamSetup& setup = *login_->setup;
  emit(Side::Upstream, std::exchange(setup.output(), {}));
  upstream_state_ = setup.state();
  switch (step) {
    case SetupStep::NeedInput:
      return;
    case SetupStep::StartTls:
      return act(StartTls{Side::Upstream});
    case SetupStep::Failed:
      return next_candidate(setup.error());
    case SetupStep::Ready:
      return send_credentials();
  }
}

void Session::Impl::send_credentials() {
  login_->capabilities = login_->setup->capabilities();
  upstream_scanner_ = login_->setup->take_scanner();
  login_->setup.reset();
  login_->credentials_sent = true;
  login_->stage = LoginStage::ServerTurn;
  upstream_state_ = "sent login, received nothing";
  if (is_sent_as_login(login_->mechanism)) {
    std::string name = login_->user;
    Octets password = login_->password.reveal();
    if (login_->mechanism == Mechanism::External) {
      name.append(login_->master.separator).append(login_->master.user);
      password = login_->master.password->reveal();
    }
    login_->program = imap::write_login(login_->tag, name, password);
    emit(Side::Upstream, login_->program.chunks.front().reveal());
    login_->next_chunk = 1;
    if (login_->program.chunks.size() > 1) login_->stage = LoginStage::Sending;
    login_->password.clear();
    return;
  }
  emit(Side::Upstream, login_->tag);
  emit(Side::Upstream, " AUTHENTICATE ");
  emit(Side::Upstream, login_->mechanism_name);
  const bool with_initial = login_->has_initial && imap::row_of(login_->mechanism).client_first &&
                            login_->initial.size() <= kInitialResponseBytes &&
                            imap::has_capability(login_->capabilities, "SASL-IR");
  if (with_initial) {
    emit(Side::Upstream, " ");
    emit(Side::Upstream, login_->initial.empty() ? Octets("=") : login_->initial.reveal());
    login_->has_initial = false;
    login_->initial.clear();
  }
  emit(Side::Upstream, "\r\n");
}

// A response of the upstream between the credentials and the end of the login. Of a long one this is the
// beginning; it decides, so that the answer does not depend on the pieces in which the line came.
void Session::Impl::login_response() {
  const imap::Response& response = upstream_scanner_.response();
  const Octets whole = upstream_scanner_.octets();
  if (const auto list = listed_capabilities(response, whole)) {
    login_->capabilities = imap::parse_capabilities(*list);
    login_->knows_capabilities = true;
  }
  switch (response.kind) {
    case imap::ResponseKind::Continuation:
      return on_challenge();
    case imap::ResponseKind::Tagged:
      return on_verdict();
    case imap::ResponseKind::Untagged:
      break;
  }
  if (response.status == imap::Status::Bye) return on_upstream_ended(ErrorCode::UpstreamBye);
  if (response.status == imap::Status::Preauth) return login_broken(ErrorCode::UpstreamPreauth, "PREAUTH");
  const bool is_list =
      response.status == imap::Status::None && equals_ignoring_case(response.keyword, "CAPABILITY");
  if (is_list) return;  // told with the verdict, edited
  login_->alert_line = imap::has_code(response, "ALERT");
  login_->untagged_line = true;
  keep_untagged();
}

// For the client, once it is known whether it is logged in.
void Session::Impl::keep_untagged() {
  const Octets octets = upstream_scanner_.octets();
  if (!login_->untagged_line) return;  // the rest of a verdict's text
  if (login_->untagged.size() + octets.size() > kUntaggedBytes)
    return login_broken(ErrorCode::UpstreamMalformed, "too much ahead of the verdict");
  login_->untagged += octets;
  if (login_->alert_line) login_->alerts += octets;
  if (upstream_scanner_.complete()) login_->untagged_line = false;
}

void Session::Impl::on_challenge() {
  upstream_state_ = "sent login, received a challenge";
  if (login_->stage == LoginStage::Sending) {
    emit(Side::Upstream, login_->program.chunks[login_->next_chunk].reveal());
    if (++login_->next_chunk == login_->program.chunks.size()) {
      login_->program.chunks.clear();
      login_->stage = LoginStage::ServerTurn;
    }
    return;
  }
  const bool awaited = login_->stage == LoginStage::ServerTurn && !is_sent_as_login(login_->mechanism);
  if (!awaited || login_->taken_back) return;  // nobody awaits it: not passed on
  if (std::exchange(login_->has_initial, false)) {
    emit(Side::Upstream, login_->initial.reveal());
    emit(Side::Upstream, "\r\n");
    login_->initial.clear();
    return;
  }
  say({without_line_end(upstream_scanner_.octets()), "\r\n"});
  login_->stage = LoginStage::ClientTurn;
  phase_clock_.go_on(now_);
}

void Session::Impl::on_verdict() {
  const imap::Response& response = upstream_scanner_.response();
  const Octets whole = upstream_scanner_.octets();
  LoginAttempt& login = *login_;
  if (login.stage == LoginStage::AskCapability && response.tag == login.capability_tag) return login_done();
  if (response.tag != login.tag || login.stage == LoginStage::AskCapability)
    return login_broken(
        ErrorCode::UpstreamUnknownTag,
        "an answer to another tag: " + std::string(without_line_end(whole).substr(0, kExcerptBytes)));
  if (response.status == imap::Status::Ok) {
    // An OK to credentials that it has not seen, or that were taken back, proves nothing about anybody.
    if (login.stage == LoginStage::Sending || login.has_initial)
      return login_broken(ErrorCode::UpstreamMalformed, "OK to half of the credentials");
    if (login.taken_back)
      return login_broken(ErrorCode::UpstreamMalformed, "OK to credentials that were taken back");
    if (!login.judged) return login_broken(ErrorCode::UpstreamMalformed, "OK before there was a user's name");
    upstream_state_ = "sent login, received the verdict";
    login.verdict = told_verdict(whole);
    login.verdict_lists = listed_capabilities(response, whole).has_value();
    return login_succeeded();
  }
  upstream_state_ = "sent login, received the verdict";
  login.upstream_code = response.code.substr(0, response.code.find(' '));
  if (login.taken_back)
    return login_refused(AuthResult::Denied, login.taken_back->code, login.taken_back->answer);
  Refusal told = refusal_of(response);
  // Who has shown a certificate guesses no password: the master user's is wrong, or the user is unknown.
  if (login.mechanism == Mechanism::External && told.result == AuthResult::Failure) {
    const auto refused = refusal(ErrorCode::AuthorizationFailed, "AUTHORIZATIONFAILED");
    return login_refused(AuthResult::Denied, refused.code, refused.answer);
  }
  // The client is told no more than that the upstream cannot; the log names what it said.
  if (told.result == AuthResult::Temporary)
    upstream_state_ = "sent login, received " + std::string(response.code);
  login_refused(
      told.result,
      told.result == AuthResult::Temporary ? ErrorCode::UpstreamDown : ErrorCode::AuthenticationFailed,
      std::move(told.answer));
}

// The upstream does not keep to the protocol between the credentials and the verdict: an outage, nobody's
// failure, and no reason to end the client's session. What is no response is not quoted: it may be an echo.
void Session::Impl::login_broken(ErrorCode code, std::string_view received) {
  cells().side(Side::Upstream).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
  upstream_state_ = "sent login, received " + std::string(received);
  // The verdict was OK, and may not be taken back.
  if (login_->stage == LoginStage::AskCapability)
    return fault(code, Side::Upstream, "its capabilities", upstream_scanner_.octets());
  std::string answer = "NO [UNAVAILABLE] ";
  login_refused(AuthResult::Temporary, code, answer.append(row_of(ErrorCode::UpstreamDown).client));
}

// The upstream's OK as the client reads it: capabilities edited, no way round the gateway, of bounded length.
std::string Session::Impl::told_verdict(Octets whole) const {
  const imap::Response& response = upstream_scanner_.response();
  if (const auto list = listed_capabilities(response, whole))
    return with_capabilities(response, whole, edited_capabilities(*list));
  if (imap::has_code(response, "REFERRAL")) return without_code(response);
  std::string told;
  return told.append(without_line_end(whole.substr(0, imap::ResponseScanner::kHeadBytes))).append("\r\n");
}

void Session::Impl::login_succeeded() {
  LoginAttempt& login = *login_;
  if (const filters::Decision decision = chain_.on_accepted(context());
      decision.ruling != filters::Ruling::Pass)
    return login_refused(AuthResult::Denied, decision.code, decision.answer());
  user_ = login.user;
  count_auth(login.mechanism, AuthResult::Success);
  act(LoginResult{login.user, login.mechanism, AuthResult::Success, ErrorCode::Ok, {}, now_ - login.begun});
  if (login.knows_capabilities) return login_done();
  login.capability_tag = own_tag() + "c";
  login.stage = LoginStage::AskCapability;
  emit(Side::Upstream, login.capability_tag);
  emit(Side::Upstream, " CAPABILITY\r\n");
}

void Session::Impl::login_done() {
  const std::unique_ptr<LoginAttempt> login = std::move(login_);
  upstream_has_id_ = imap::has_capability(login->capabilities, "ID");
  naming_.learn_capabilities(login->capabilities);
  const auto has = [&](Octets name) { return imap::has_capability(login->capabilities, name); };
  const bool rev2 = has("IMAP4REV2");
  abilities_ = {rev2 || has("UNSELECT"), rev2 || has("ESEARCH"), has("SPECIAL-USE"), rev2 || has("NAMESPACE"),
                false};
  if (!login->untagged.empty()) say({login->untagged});
  // Clients rarely ask again after login; the list reaches them either in the verdict or just before it.
  if (login->knows_capabilities && !login->verdict_lists) {
    const imap::CapabilityEdit edit{settings().rewrite.hide_capabilities, settings().rewrite.add_capabilities,
                                    settings().limits.literal};
    say({"* CAPABILITY ", imap::capabilities_after_login(login->capabilities, edit), "\r\n"});
  }
  say({login->verdict});
  count(login->mechanism == Mechanism::Login ? imap::Verb::Login : imap::Verb::Authenticate,
        telemetry::CommandResult::Ok);
  phase_ = Phase::Relaying;
  set_state(telemetry::SessionState::Authenticated);
  leg(Side::Client).set_secret_input(false);
  leg(Side::Upstream).out.set_secret(false);
  last_client_ = last_upstream_ = now_;
  upstream_state_ = {};  // was about the way here
  upstream_state_.shrink_to_fit();
  begin_auditing();
  filters::Needs needs = chain_.on_logged_in(context());
  needs.naming = needs.naming || auditing_;
  learn(needs);
}

void Session::Impl::login_refused(AuthResult result, ErrorCode code, std::string answer) {
  LoginAttempt& login = *login_;
  count_auth(login.mechanism, result);
  const bool was_open = upstream_open_;
  // An alert is for the user's eyes, whatever the verdict (RFC 9051 §7.1); the rest is not told before login.
  login.verdict = std::move(login.alerts);
  login.verdict.append(login.tag).append(" ").append(answer).append("\r\n");
  login.password.clear();
  login.initial.clear();
  login.stage = LoginStage::Penalty;
  phase_clock_.stop(now_);
  count(login.mechanism == Mechanism::Login ? imap::Verb::Login : imap::Verb::Authenticate,
        answer.starts_with("BAD") ? telemetry::CommandResult::Bad : telemetry::CommandResult::No);
  act(LoginResult{login.user, login.mechanism, result, code, std::move(login.upstream_code),
                  now_ - login.begun});
  if (was_open) {
    close_upstream();
    act(Disconnect{});
  }
  if (result != AuthResult::Failure) login_over();
}

void Session::Impl::login_penalty(Duration delay) {
  if (!login_ || login_->stage != LoginStage::Penalty) return;
  if (delay <= Duration::zero()) return login_over();
  login_->penalty_until = now_ + delay;
}

void Session::Impl::login_over() {
  const std::unique_ptr<LoginAttempt> login = std::move(login_);
  phase_clock_.go_on(now_);
  phase_ = Phase::NotAuthenticated;
  say({login->verdict});
}

}  // namespace postern::session
