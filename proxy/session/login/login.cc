// Logging in: the credentials' way from the client to the upstream, and the verdict's way back (protocol.md
// §2).
#include "session/login/login.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "imap/arguments.h"
#include "session/login/capability_line.h"
#include "session/login/credentials.h"
#include "session/login/gate.h"
#include "session/login/verdict.h"

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

void Gate::count_auth(Mechanism mechanism, AuthResult result) {
  core_.listener_cells().auth[index_of(mechanism)][index_of(result)].add();
}

void Gate::begin_login(const imap::Command& command) {
  imap::ArgumentReader reader(command.args);
  const auto user = reader.astring();
  const bool spaced = user && reader.space();
  auto password = spaced ? reader.secret_astring() : std::nullopt;
  if (!password || !reader.at_end()) {
    core_.count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "Expected: LOGIN user password");
  }
  if (breaks_a_line(*user) || breaks_a_line(password->reveal())) {
    core_.count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "NUL, CR or LF in LOGIN");
  }
  login_ = std::make_unique<LoginAttempt>();
  login_->begun = core_.now;
  login_->tag = command.tag;
  login_->password = std::move(*password);
  auto name = rewritten_name(core_.env.user_rewrite.get(), *user);
  if (!name) return login_refused(AuthResult::Denied, ErrorCode::Cannot, std::string(kImpossibleName));
  dial(std::move(*name));
}

bool Gate::is_mechanism_offered(const std::string& name) const {
  const Mechanism mechanism = imap::mechanism_of(name);
  if (mechanism == Mechanism::External) return external_user().has_value();
  if (imap::is_channel_bound(name) || (core_.env.user_rewrite && !carries_name_alone(mechanism)))
    return false;
  const auto& offered_names = core_.env.offer->mechanisms;
  return !core_.env.offer->probed ||
         std::find(offered_names.begin(), offered_names.end(), name) != offered_names.end();
}

void Gate::begin_authenticate(const imap::Command& command) {
  imap::ArgumentReader reader(command.args);
  const auto name = reader.atom();
  const bool has_initial = name && !reader.at_end();
  const bool well_formed = name && (!has_initial || reader.space());
  const Octets initial = reader.rest();
  if (!well_formed || (has_initial && initial != "=" && (initial.empty() || !is_base64(initial)))) {
    core_.count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "Expected: AUTHENTICATE mechanism, or with an initial response in base64");
  }
  const std::string upper = to_upper(*name);
  const imap::MechanismRow& row = imap::row_of(imap::mechanism_of(upper));
  if (!is_mechanism_offered(upper)) {
    core_.count(command.verb, telemetry::CommandResult::No);
    count_auth(row.mechanism, AuthResult::Denied);
    return core_.say({command.tag, " NO [CANNOT] Unsupported authentication mechanism\r\n"});
  }
  // LOGIN is server-first, but its first challenge is always the same question for the name.
  const bool asks_first = row.client_first || row.mechanism == Mechanism::SaslLogin;
  if (has_initial && !asks_first && row.mechanism != Mechanism::Other) {
    core_.count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "This mechanism has no initial response");
  }
  if (has_initial && initial.size() > core_.settings().limits.sasl)
    return core_.client_fault(ErrorCode::SaslTooLong);
  login_ = std::make_unique<LoginAttempt>();
  login_->begun = core_.now;
  login_->tag = command.tag;
  login_->mechanism = row.mechanism;
  login_->mechanism_name = upper;
  enter(Phase::Authenticating);
  if (has_initial) return first_response(initial == "=" ? Octets() : initial);
  if (!asks_first) return dial({});
  login_->stage = LoginStage::ClientFirst;
  core_.say({row.mechanism == Mechanism::SaslLogin ? Octets("+ VXNlcm5hbWU6\r\n") : Octets("+ \r\n")});
}

void Gate::first_response(Octets line) {
  login_->initial = Secret(line);
  login_->has_initial = true;
  const auto decoded = decode_base64(line);
  if (!decoded)
    return login_refused(AuthResult::Denied, ErrorCode::MalformedCommand, std::string(kBadBase64));
  const bool scram = login_->mechanism == Mechanism::ScramSha1 || login_->mechanism == Mechanism::ScramSha256;
  // The client could bind the channel, saw no -PLUS and says so; the upstream that offers it would have to
  // take that for a downgrade (RFC 5802 §6).
  if (scram && core_.env.offer->plus_offered && imap::claims_no_plus_seen(decoded->reveal()))
    return login_refused(AuthResult::Denied, ErrorCode::Cannot,
                         "NO [CANNOT] Channel binding is not possible here");
  if (login_->mechanism == Mechanism::External) return begin_external(decoded->reveal());
  if (!core_.env.user_rewrite) return dial(imap::user_in_response(login_->mechanism, decoded->reveal()));
  auto named = rewritten_response(*core_.env.user_rewrite, login_->mechanism, decoded->reveal());
  if (!named) return login_refused(AuthResult::Denied, ErrorCode::Cannot, std::string(kImpossibleName));
  if (!named->response.empty()) login_->initial = std::move(named->response);
  dial(std::move(named->user));
}

std::optional<std::string> Gate::external_user() const {
  if (core_.env.offer->is_certified.empty()) return std::nullopt;
  return certified_user(core_.client_tls, core_.settings().tls.client_auth.user_from,
                        core_.env.user_rewrite.get());
}

// RFC 4422 appendix A. The response names whom to act for: nobody but the one that the certificate names.
void Gate::begin_external(Octets authzid) {
  login_->initial.clear();
  login_->has_initial = false;
  const auto user = external_user();
  const bool is_own = user && (authzid.empty() || authzid == *user ||
                               rewritten_name(core_.env.user_rewrite.get(), authzid) == user);
  if (is_own) return dial(*user);
  const auto refused = refusal(ErrorCode::AuthorizationFailed, "AUTHORIZATIONFAILED");
  login_refused(AuthResult::Denied, refused.code, refused.answer);
}

// What the filters say to this user's login; nothing: they let it pass, or the session has ended.
std::optional<LoginRefusal> Gate::judge_login() {
  login_->judged = true;
  const imap::Verb verb =
      login_->mechanism == Mechanism::Login ? imap::Verb::Login : imap::Verb::Authenticate;
  filters::Decision decision = core_.chain.on_login(verb, context());
  if (decision.ruling == filters::Ruling::Pass && telling_.cannot_record_login())
    decision = filters::Decision::deny(ErrorCode::AuditUnavailable, "UNAVAILABLE");
  telling_.decided(decision, verb, context());
  if (decision.ruling == filters::Ruling::Close) core_.end_by(decision);
  if (decision.ruling != filters::Ruling::Deny) return std::nullopt;
  return refusal(decision);
}

// An upstream with a master user reads USER<separator>MASTER as an order to log in somebody else: such a name
// comes from the gateway alone.
std::optional<LoginRefusal> Gate::refusal_at(const config::MasterLogin& master) const {
  const LoginAttempt& login = *login_;
  if (master.user.empty()) {
    if (login.mechanism != Mechanism::External) return std::nullopt;
    return refusal(ErrorCode::NoMasterUser, "CANNOT");
  }
  if (!names_have(master.separator, login.user, login.mechanism, login.initial.reveal())) return std::nullopt;
  return refusal(ErrorCode::AuthorizationFailed, "AUTHORIZATIONFAILED");
}

void Gate::sasl_line(imap::CommandEvent event) {
  if (event == imap::CommandEvent::NeedMore) return;
  if (event == imap::CommandEvent::Malformed) {
    const bool too_long = core_.client_scanner.error() == ErrorCode::LineTooLong;
    return core_.client_fault(too_long ? ErrorCode::SaslTooLong : core_.client_scanner.error());
  }
  const Octets line = core_.client_scanner.octets();
  const Octets taken_back = line == "*" ? kCancelled : is_base64(line) ? Octets() : kBadBase64;
  if (login_->stage == LoginStage::ClientFirst) {
    if (taken_back.empty()) return first_response(line);
    return login_refused(AuthResult::Denied, ErrorCode::MalformedCommand, std::string(taken_back));
  }
  login_->stage = LoginStage::ServerTurn;
  core_.deadlines.pause(Clock::Login, core_.now);
  core_.deadlines.go_on(Clock::UpstreamLogin, core_.now);
  if (taken_back.empty()) {
    later_response(line);
    if (core_.ended()) return;
  } else {
    login_->taken_back = LoginRefusal{ErrorCode::MalformedCommand, std::string(taken_back)};
  }
  core_.emit(Side::Upstream, login_->taken_back ? Octets("*") : line);
  core_.emit(Side::Upstream, "\r\n");
}

// What a response to a challenge shows: the user's name, too late for the choice of an upstream, and the wish
// for a layer of its own between client and upstream, behind which nobody here could read.
void Gate::later_response(Octets line) {
  const imap::MechanismRow& row = imap::row_of(login_->mechanism);
  if (!row.names_later || !login_->user.empty()) return;
  const auto decoded = decode_base64(line);
  login_->user = imap::user_in_response(row.mechanism, decoded->reveal());
  if (row.mechanism == Mechanism::DigestMd5 && imap::wants_security_layer(decoded->reveal()))
    login_->taken_back = LoginRefusal{ErrorCode::Cannot, std::string(kNoSecurityLayer)};
  if (!login_->taken_back) login_->taken_back = refusal_at(login_->master);
  if (!login_->taken_back && (!login_->judged || !login_->user.empty())) {
    auto refused = judge_login();
    if (!core_.ended()) login_->taken_back = std::move(refused);
  }
}

void Gate::dial(std::string user) {
  enter(Phase::Authenticating);
  core_.deadlines.pause(Clock::Login, core_.now);
  login_->user = user;
  if (!imap::row_of(login_->mechanism).names_later) {
    const auto refused = judge_login();
    if (refused) return login_refused(AuthResult::Denied, refused->code, refused->answer);
    if (core_.ended()) return;
  }
  login_->stage = LoginStage::Connecting;
  core_.deadlines.start(Clock::UpstreamConnect, core_.now + core_.timeouts().upstream_connect);
  core_.deadlines.start(Clock::UpstreamLogin, core_.now + core_.timeouts().upstream_login);
  if (identity_.hops_left() <= 0) {
    core_.upstream_state =
        "x-proxy-ttl has run out: the way to the upstream leads through too many proxies, or in a circle";
    return login_refused(AuthResult::Temporary, ErrorCode::ProxyLoop,
                         unavailable_answer(ErrorCode::ProxyLoop));
  }
  core_.upstream_state = "not connected";
  core_.act(Connect{std::move(user), false, ErrorCode::Ok});
}

void Gate::next_candidate(ErrorCode failed, std::optional<Clock> struck) {
  close_upstream();
  login_->setup.reset();
  login_->stage = LoginStage::Connecting;
  core_.deadlines.start(Clock::UpstreamConnect, core_.now + core_.timeouts().upstream_connect);
  core_.act(Connect{login_->user, true, failed, struck ? name_of(*struck) : std::string_view()});
}

void Gate::close_upstream() {
  core_.upstream_open = false;
  core_.leg(Side::Upstream).drop();
  core_.leg(Side::Upstream).out.clear();
  core_.upstream_scanner = imap::ResponseScanner();
}

void Gate::connected(const UpstreamConnected& connected) {
  if (!login_ || login_->stage != LoginStage::Connecting) return;  // the client has gone meanwhile
  core_.upstream_open = true;
  core_.leg(Side::Upstream).out.set_secret(true);
  if (const auto refused = refusal_at(connected.master))
    return login_refused(AuthResult::Denied, refused->code, refused->answer);
  login_->master = connected.master;
  login_->stage = LoginStage::Setup;
  login_->setup.emplace(connected.tls, core_.own_tag(),
                        identity_.for_upstream(connected.send_id, core_.settings().rewrite.id,
                                               core_.env.facts, core_.client_tls, core_.env.version));
  on_setup(login_->setup->begin());
}

void Gate::on_setup(SetupStep step) {
  UpstreamSetup& setup = *login_->setup;
  core_.emit(Side::Upstream, std::exchange(setup.output(), {}));
  core_.upstream_state = setup.state();
  if (setup.is_greeted()) core_.deadlines.stop(Clock::UpstreamConnect);
  switch (step) {
    case SetupStep::NeedInput:
      return;
    case SetupStep::StartTls:
      return core_.act(StartTls{Side::Upstream});
    case SetupStep::Failed:
      return next_candidate(setup.error());
    case SetupStep::Ready:
      return send_credentials();
  }
}

void Gate::send_credentials() {
  login_->capabilities = login_->setup->capabilities();
  core_.upstream_scanner = login_->setup->take_scanner();
  login_->setup.reset();
  login_->credentials_sent = true;
  login_->stage = LoginStage::ServerTurn;
  core_.upstream_state = "sent login, received nothing";
  if (is_sent_as_login(login_->mechanism)) {
    std::string name = login_->user;
    Octets password = login_->password.reveal();
    if (login_->mechanism == Mechanism::External) {
      name.append(login_->master.separator).append(login_->master.user);
      password = login_->master.password->reveal();
    }
    login_->program = imap::write_login(login_->tag, name, password);
    core_.emit(Side::Upstream, login_->program.chunks.front().reveal());
    login_->next_chunk = 1;
    if (login_->program.chunks.size() > 1) login_->stage = LoginStage::Sending;
    login_->password.clear();
    return;
  }
  core_.emit(Side::Upstream, login_->tag);
  core_.emit(Side::Upstream, " AUTHENTICATE ");
  core_.emit(Side::Upstream, login_->mechanism_name);
  const bool with_initial = login_->has_initial && imap::row_of(login_->mechanism).client_first &&
                            login_->initial.size() <= kInitialResponseBytes &&
                            imap::has_capability(login_->capabilities, "SASL-IR");
  if (with_initial) {
    core_.emit(Side::Upstream, " ");
    core_.emit(Side::Upstream, login_->initial.empty() ? Octets("=") : login_->initial.reveal());
    login_->has_initial = false;
    login_->initial.clear();
  }
  core_.emit(Side::Upstream, "\r\n");
}

// A response of the upstream between the credentials and the end of the login. Of a long one this is the
// beginning; it decides, so that the answer does not depend on the pieces in which the line came.
void Gate::login_response() {
  const imap::Response& response = core_.upstream_scanner.response();
  const Octets whole = core_.upstream_scanner.octets();
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
  if (response.status == imap::Status::Bye) return upstream_ended(ErrorCode::UpstreamBye);
  if (response.status == imap::Status::Preauth) return login_broken(ErrorCode::UpstreamPreauth, "PREAUTH");
  const bool is_list =
      response.status == imap::Status::None && equals_ignoring_case(response.keyword, "CAPABILITY");
  if (is_list) return;  // told with the verdict, edited
  login_->alert_line = imap::has_code(response, "ALERT");
  login_->untagged_line = true;
  keep_untagged();
}

// For the client, once it is known whether it is logged in.
void Gate::keep_untagged() {
  const Octets octets = core_.upstream_scanner.octets();
  if (!login_->untagged_line) return;  // the rest of a verdict's text
  if (login_->untagged.size() + octets.size() > kUntaggedBytes)
    return login_broken(ErrorCode::UpstreamMalformed, "too much ahead of the verdict");
  login_->untagged += octets;
  if (login_->alert_line) login_->alerts += octets;
  if (core_.upstream_scanner.complete()) login_->untagged_line = false;
}

void Gate::on_challenge() {
  core_.upstream_state = "sent login, received a challenge";
  if (login_->stage == LoginStage::Sending) {
    core_.emit(Side::Upstream, login_->program.chunks[login_->next_chunk].reveal());
    if (++login_->next_chunk == login_->program.chunks.size()) {
      login_->program.chunks.clear();
      login_->stage = LoginStage::ServerTurn;
    }
    return;
  }
  const bool awaited = login_->stage == LoginStage::ServerTurn && !is_sent_as_login(login_->mechanism);
  if (!awaited || login_->taken_back) return;  // nobody awaits it: not passed on
  if (std::exchange(login_->has_initial, false)) {
    core_.emit(Side::Upstream, login_->initial.reveal());
    core_.emit(Side::Upstream, "\r\n");
    login_->initial.clear();
    return;
  }
  core_.say({without_line_end(core_.upstream_scanner.octets()), "\r\n"});
  login_->stage = LoginStage::ClientTurn;
  core_.deadlines.pause(Clock::UpstreamLogin, core_.now);
  core_.deadlines.go_on(Clock::Login, core_.now);
}

void Gate::on_verdict() {
  const imap::Response& response = core_.upstream_scanner.response();
  const Octets whole = core_.upstream_scanner.octets();
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
    core_.upstream_state = "sent login, received the verdict";
    login.verdict = verdict_for_client(whole);
    login.verdict_lists = listed_capabilities(response, whole).has_value();
    return ask_seat();
  }
  core_.upstream_state = "sent login, received the verdict";
  login.upstream_code = response.code.substr(0, response.code.find(' '));
  if (login.taken_back)
    return login_refused(AuthResult::Denied, login.taken_back->code, login.taken_back->answer);
  Refusal shown = refusal_of(response);
  // Who has shown a certificate guesses no password: the master user's is wrong, or the user is unknown.
  if (login.mechanism == Mechanism::External && shown.result == AuthResult::Failure) {
    const auto refused = refusal(ErrorCode::AuthorizationFailed, "AUTHORIZATIONFAILED");
    return login_refused(AuthResult::Denied, refused.code, refused.answer);
  }
  // The client is told no more than that the upstream cannot; the log names what it said.
  if (shown.result == AuthResult::Temporary)
    core_.upstream_state = "sent login, received " + std::string(response.code);
  login_refused(
      shown.result,
      shown.result == AuthResult::Temporary ? ErrorCode::UpstreamDown : ErrorCode::AuthenticationFailed,
      std::move(shown.answer));
}

// The upstream does not keep to the protocol between the credentials and the verdict: an outage, nobody's
// failure, and no reason to end the client's session. What is no response is not quoted: it may be an echo.
void Gate::login_broken(ErrorCode code, std::string_view received) {
  core_.cells().side(Side::Upstream).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
  core_.upstream_state = "sent login, received " + std::string(received);
  // The verdict was OK, and may not be taken back.
  if (login_->stage == LoginStage::AskCapability)
    return core_.fail(code, Side::Upstream, "its capabilities", core_.upstream_scanner.octets());
  login_refused(AuthResult::Temporary, code, unavailable_answer(ErrorCode::UpstreamDown));
}

// The upstream's OK as the client reads it: capabilities edited, no way round the gateway, of bounded length.
std::string Gate::verdict_for_client(Octets whole) const {
  const imap::Response& response = core_.upstream_scanner.response();
  if (auto edited = with_edited_list(core_.settings(), response, whole)) return *edited;
  if (imap::has_code(response, "REFERRAL")) return without_code(response);
  std::string line;
  return line.append(without_line_end(whole.substr(0, imap::ResponseScanner::kHeadBytes))).append("\r\n");
}

void Gate::login_succeeded() {
  LoginAttempt& login = *login_;
  core_.user = login.user;
  count_auth(login.mechanism, AuthResult::Success);
  core_.act(LoginResult{
      login.user, login.mechanism, AuthResult::Success, ErrorCode::Ok, {}, core_.now - login.begun, {}, {}});
  if (login.knows_capabilities) return login_done();
  login.capability_tag = core_.own_tag() + "c";
  login.stage = LoginStage::AskCapability;
  core_.emit(Side::Upstream, login.capability_tag);
  core_.emit(Side::Upstream, " CAPABILITY\r\n");
}

void Gate::login_done() {
  const std::unique_ptr<LoginAttempt> login = std::move(login_);
  errands_.know(login->capabilities);
  const auto has = [&](Octets name) { return imap::has_capability(login->capabilities, name); };
  core_.client_scanner.expect({.multiappend = has("MULTIAPPEND"),
                               .catenate = has("CATENATE"),
                               .utf8 = has("UTF8=ACCEPT") || has("UTF8=ONLY"),
                               .binary = has("BINARY") || has("IMAP4rev2")});
  if (!login->untagged.empty()) core_.say({login->untagged});
  // Clients rarely ask again after login; the list reaches them either in the verdict or just before it.
  if (login->knows_capabilities && !login->verdict_lists) {
    core_.say({"* CAPABILITY ", edited_capabilities(core_.settings(), login->capabilities), "\r\n"});
  }
  core_.say({login->verdict});
  core_.count(login->mechanism == Mechanism::Login ? imap::Verb::Login : imap::Verb::Authenticate,
              telemetry::CommandResult::Ok);
  enter(Phase::Relaying);
  core_.deadlines.stop(Clock::Login);
  core_.deadlines.stop(Clock::UpstreamLogin);
  core_.set_state(telemetry::SessionState::Authenticated);
  core_.leg(Side::Client).set_secret_input(false);
  core_.leg(Side::Upstream).out.set_secret(false);
  core_.upstream_state = {};  // was about the way here
  core_.upstream_state.shrink_to_fit();
  telling_.begin();
  filters::Needs needs = core_.chain.on_logged_in(context());
  needs.naming = needs.naming || telling_.records_commands();
  errands_.learn(needs);
}

void Gate::login_refused(AuthResult result, ErrorCode code, std::string answer, std::optional<Clock> struck) {
  LoginAttempt& login = *login_;
  if (awaits_seat() && core_.awaited != 0) core_.forget();
  count_auth(login.mechanism, result);
  const bool was_open = core_.upstream_open;
  // An alert is for the user's eyes, whatever the verdict (RFC 9051 §7.1); the rest is not told before login.
  login.verdict = std::move(login.alerts);
  login.verdict.append(login.tag).append(" ").append(answer).append("\r\n");
  login.password.clear();
  login.initial.clear();
  login.stage = LoginStage::Penalty;
  core_.deadlines.pause(Clock::Login, core_.now);
  core_.deadlines.stop(Clock::UpstreamLogin);
  core_.deadlines.stop(Clock::UpstreamConnect);
  core_.count(login.mechanism == Mechanism::Login ? imap::Verb::Login : imap::Verb::Authenticate,
              answer.starts_with("BAD") ? telemetry::CommandResult::Bad : telemetry::CommandResult::No);
  LoginResult report{
      login.user, login.mechanism, result, code, std::move(login.upstream_code), core_.now - login.begun, {},
      {}};
  if (struck) {
    report.clock = name_of(*struck);
    report.turn = turn_of(*struck);
  }
  core_.act(std::move(report));
  if (was_open) {
    close_upstream();
    core_.act(Disconnect{});
  }
  if (result != AuthResult::Failure) login_over();
}

void Gate::login_over() {
  const std::unique_ptr<LoginAttempt> login = std::move(login_);
  core_.deadlines.go_on(Clock::Login, core_.now);
  enter(Phase::NotAuthenticated);
  core_.say({login->verdict});
}

}  // namespace postern::session
