// What the gateway answers by itself before login (protocol.md §2): no upstream is concerned.
#include <algorithm>
#include <array>
#include <utility>

#include "imap/arguments.h"
#include "session/login/gate.h"
#include "session/relaying/judging.h"
#include "session/session.h"

namespace postern::session {
namespace {

constexpr std::array<Octets, 12> kForeignVerbs{"GET",     "POST",  "PUT",   "HEAD", "DELETE", "OPTIONS",
                                               "CONNECT", "TRACE", "PATCH", "PRI",  "EHLO",   "HELO"};

// A legal tag all the same, but no mail client's: what a browser was made to send (security.md 23).
bool is_markup(Octets tag) { return tag.find_first_of("<>") != Octets::npos; }

constexpr std::size_t kCredentialBytes = imap::ArgumentReader::kDecodedBytes;

}  // namespace

void Gate::greet() {
  enter(Phase::NotAuthenticated);
  core_.deadlines.stop(Clock::Handshake);
  core_.deadlines.start(Clock::Login, core_.now + core_.timeouts().login);
  core_.say({"* OK [CAPABILITY ", offered(), "] ", core_.settings().rewrite.greeting, "\r\n"});
}

bool Gate::needs_tls() const noexcept {
  return core_.env.facts.tls == config::ListenerTls::Starttls && !core_.client_tls.secure;
}

const std::string& Gate::offered() const noexcept {
  if (needs_tls()) return core_.env.offer->needs_tls;
  return external_user() ? core_.env.offer->is_certified : core_.env.offer->is_protected;
}

// ALPACA (security.md 23): a browser that was led here sends HTTP, or rubbish; nothing of it is echoed.
bool Gate::is_not_imap() {
  const imap::Command& command = core_.client_scanner.command();
  const bool foreign = std::any_of(kForeignVerbs.begin(), kForeignVerbs.end(),
                                   [&](Octets verb) { return equals_ignoring_case(verb, command.tag); });
  if (!foreign || command.verb != imap::Verb::Unknown) return false;
  const Octets behind = command.text.substr(std::min(command.text.size(), command.tag.size() + 1));
  return behind.starts_with('/') || behind.starts_with('*') || behind.find("://") != Octets::npos ||
         behind.find("HTTP/") != Octets::npos || command.tag.ends_with("HLO") || command.tag.ends_with("ELO");
}

void Gate::before_login(imap::CommandEvent event) {
  using imap::CommandEvent;
  const imap::Command& command = core_.client_scanner.command();
  if (event == CommandEvent::NeedMore) return;
  const bool first = std::exchange(first_line_, false);
  if (is_markup(command.tag)) return core_.fail(ErrorCode::NotImap, Side::Client, "an IMAP command");
  switch (event) {
    case CommandEvent::Head:
      if (first && is_not_imap()) return core_.fail(ErrorCode::NotImap, Side::Client, "an IMAP command");
      ++core_.turn;
      ++core_.commands;
      if (command.body) return refuse_before_login("BAD Log in first");
      {
        imap::Command judged = command;
        return answer_before_login(judged);
      }
    case CommandEvent::ArgumentLiteral:
      first_line_ = first;
      return argument_literal();
    case CommandEvent::Swallowed:
      core_.say({std::exchange(core_.swallow_answer, {})});
      return;
    case CommandEvent::Malformed:
      if (!core_.client_scanner.certain() && first)
        return core_.fail(ErrorCode::NotImap, Side::Client, "an IMAP command");
      if (!core_.client_scanner.certain()) return core_.client_fault(core_.client_scanner.error());
      core_.cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
      return bad_line(command.tag, "Malformed command");
    case CommandEvent::Body:
    case CommandEvent::Part:
    case CommandEvent::End:
    case CommandEvent::Line:
    case CommandEvent::NeedMore:
      break;  // a command with a body has been refused at its head
  }
}

void Gate::argument_literal() {
  const imap::Command& command = core_.client_scanner.command();
  imap::Command judged = command;
  const filters::Decision decision = core_.chain.on_command(judged, context());
  // The NO takes the place of the "+", which would invite the secret (RFC 9051 §11.1).
  if (decision.ruling == filters::Ruling::Deny) return answer_before_login(judged);
  const bool takes_literals = command.verb == imap::Verb::Login || command.verb == imap::Verb::Id;
  if (!takes_literals) return refuse_before_login("BAD Log in first");
  if (core_.client_scanner.argument_is_too_large() || core_.client_scanner.argument().size > kCredentialBytes)
    return refuse_before_login("NO [TOOBIG] Too long");
  core_.say({"+ OK\r\n"});
}

void Gate::swallow(std::string answer) {
  const imap::CommandEvent event = core_.swallow(std::move(answer));
  if (event != imap::CommandEvent::NeedMore) before_login(event);
}

void Gate::refuse_before_login(Octets answer) {
  std::string text(core_.client_scanner.command().tag);
  text.append(" ").append(answer).append("\r\n");
  swallow(std::move(text));
}

void Gate::bad_line(Octets tag, Octets text) {
  if (++bad_lines_ >= Session::kBadLinesBeforeLogin) return core_.end(ErrorCode::TooManyErrors);
  core_.say({tag.empty() ? Octets("*") : tag, " BAD ", text, "\r\n"});
}

void Gate::answer_before_login(imap::Command& command) {
  const filters::Decision decision = core_.chain.on_command(command, context());
  const bool denied = decision.ruling == filters::Ruling::Deny;
  core_.chain.on_verdict(command, {false, denied ? decision.code : ErrorCode::Ok}, context());
  telling_.decided(decision, command.verb, context());
  if (decision.ruling == filters::Ruling::Close) return core_.end_by(decision);
  if (denied) return deny(command, decision);
  const Octets tag = command.tag;
  switch (command.verb) {
    case imap::Verb::Capability:
      core_.say({"* CAPABILITY ", offered(), "\r\n", tag, " OK CAPABILITY completed\r\n"});
      return core_.count(command.verb, telemetry::CommandResult::Ok);
    case imap::Verb::Noop:
      core_.say({tag, " OK NOOP completed\r\n"});
      return core_.count(command.verb, telemetry::CommandResult::Ok);
    case imap::Verb::Id:
      return answer_id(command);
    case imap::Verb::Logout:
      core_.say({"* BYE Logging out\r\n", tag, " OK LOGOUT completed\r\n"});
      core_.bye_seen = true;
      core_.count(command.verb, telemetry::CommandResult::Ok);
      return core_.end(ErrorCode::Logout);
    case imap::Verb::Starttls:
      return answer_starttls(command);
    case imap::Verb::Login:
      return begin_login(command);
    case imap::Verb::Authenticate:
      return begin_authenticate(command);
    case imap::Verb::Unknown:
      core_.count(command.verb, telemetry::CommandResult::Bad);
      return bad_line(tag, "Unknown command");
    default:
      core_.count(command.verb, telemetry::CommandResult::Bad);
      core_.say({tag, " BAD Log in first\r\n"});
  }
}

void Gate::deny(const imap::Command& command, const filters::Decision& decision) {
  core_.count(command.verb, telemetry::CommandResult::Denied);
  const bool login = command.verb == imap::Verb::Login;
  const auto mechanism = login ? imap::Mechanism::Login : imap::Mechanism::Other;
  if (login || command.verb == imap::Verb::Authenticate) {
    count_auth(mechanism, telemetry::AuthResult::Denied);
    core_.act(LoginResult{{}, mechanism, telemetry::AuthResult::Denied, decision.code});
  }
  std::string answer(command.tag);
  answer.append(" ").append(decision.answer()).append("\r\n");
  const bool literal_announced = !core_.client_scanner.at_boundary();
  if (literal_announced) return swallow(std::move(answer));
  return core_.say({answer});
}

// What is said in clear where TLS is due is forgotten with the rest of that phase: anybody on the way could
// have said it.
void Gate::answer_id(const imap::Command& command) {
  const auto pairs = read_id(command.args);
  if (!pairs) {
    core_.count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "Invalid ID parameters");
  }
  if (!needs_tls()) telling_.client_id(command.args);
  const std::string speaker = core_.env.facts.client_address;
  if (!needs_tls() && identity_.hear(*pairs, core_.env.facts))
    core_.act(ClientKnown{core_.env.facts, speaker});
  core_.say({id_answer(core_.settings().rewrite.id, core_.env.version), command.tag, " OK ID completed\r\n"});
  core_.count(command.verb, telemetry::CommandResult::Ok);
}

void Gate::answer_starttls(const imap::Command& command) {
  auto& results = core_.listener_cells().starttls;
  if (core_.env.facts.tls != config::ListenerTls::Starttls || core_.client_tls.secure ||
      !command.args.empty()) {
    results[index_of(telemetry::StarttlsResult::Refused)].add();
    core_.count(command.verb, telemetry::CommandResult::Bad);
    core_.say({command.tag, core_.client_tls.secure ? Octets(" BAD TLS is already active\r\n")
                                                    : Octets(" BAD STARTTLS is not available here\r\n")});
    return;
  }
  core_.say({command.tag, " OK Begin TLS negotiation now\r\n"});
  starttls_asked_ = true;  // carried out when it is certain that nothing stands behind it in the same octets
}

// The check belongs to the switch of the transport, not to any spelling of the command (security.md 1 to 3).
void Gate::begin_starttls() {
  starttls_asked_ = false;
  auto& results = core_.listener_cells().starttls;
  if (core_.leg(Side::Client).held() > 0) {
    results[index_of(telemetry::StarttlsResult::InjectionBlocked)].add();
    core_.leg(Side::Client).out.clear();
    return core_.fail(ErrorCode::StarttlsInjection, Side::Client, "a TLS handshake");
  }
  results[index_of(telemetry::StarttlsResult::Ok)].add();
  core_.count(imap::Verb::Starttls, telemetry::CommandResult::Ok);
  core_.client_scanner = imap::CommandScanner(command_limits_of(core_.settings()));
  bad_lines_ = 0;
  identity_ = {};
  enter(Phase::Handshake);
  core_.deadlines.stop(Clock::Login);
  core_.deadlines.start(Clock::Handshake, core_.now + core_.timeouts().handshake);
  core_.act(StartTls{Side::Client});
}

}  // namespace postern::session
