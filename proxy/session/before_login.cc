// What the gateway answers by itself before login (protocol.md §2): no upstream is concerned.
#include <algorithm>
#include <array>
#include <utility>

#include "imap/arguments.h"
#include "session/impl.h"

namespace postern::session {
namespace {

constexpr std::array<Octets, 12> kForeignVerbs{"GET",     "POST",  "PUT",   "HEAD", "DELETE", "OPTIONS",
                                               "CONNECT", "TRACE", "PATCH", "PRI",  "EHLO",   "HELO"};

// Beside its initial response: a tag, AUTHENTICATE, the mechanism's name.
constexpr std::size_t kAuthenticateBytes = 256;

// A legal tag all the same, but no mail client's: what a browser was made to send (security.md 23).
bool is_markup(Octets tag) { return tag.find_first_of("<>") != Octets::npos; }

constexpr std::size_t kCredentialBytes = imap::ArgumentReader::kDecodedBytes;

}  // namespace

imap::CommandLimits command_limits_of(const config::Settings& settings) noexcept {
  const config::Limits& limits = settings.limits;
  const config::Rewrite& rewrite = settings.rewrite;
  imap::CommandLimits own{limits.line, limits.line, limits.sasl + kAuthenticateBytes};
  if (imap::literals_are_limited({rewrite.hide_capabilities, rewrite.add_capabilities}))
    own.unasked = imap::kLiteralMinusOctets;
  return own;
}

void Session::Impl::greet() {
  phase_ = Phase::NotAuthenticated;
  phase_clock_.start(now_ + settings().limits.timeouts.login);
  say({"* OK [CAPABILITY ", offered(), "] ", settings().rewrite.greeting, "\r\n"});
}

bool Session::Impl::needs_tls() const noexcept {
  return env_.facts.tls == config::ListenerTls::Starttls && !client_tls_.secure;
}

const std::string& Session::Impl::offered() const noexcept {
  if (needs_tls()) return env_.offer->needs_tls;
  return external_user() ? env_.offer->is_certified : env_.offer->is_protected;
}

// ALPACA (security.md 23): a browser that was led here sends HTTP, or rubbish; nothing of it is echoed.
bool Session::Impl::is_not_imap() {
  const imap::Command& command = client_scanner_.command();
  const bool foreign = std::any_of(kForeignVerbs.begin(), kForeignVerbs.end(),
                                   [&](Octets verb) { return equals_ignoring_case(verb, command.tag); });
  if (!foreign || command.verb != imap::Verb::Unknown) return false;
  const Octets behind = command.text.substr(std::min(command.text.size(), command.tag.size() + 1));
  return behind.starts_with('/') || behind.starts_with('*') || behind.find("://") != Octets::npos ||
         behind.find("HTTP/") != Octets::npos || command.tag.ends_with("HLO") || command.tag.ends_with("ELO");
}

void Session::Impl::before_login(imap::CommandEvent event) {
  using imap::CommandEvent;
  const imap::Command& command = client_scanner_.command();
  if (event == CommandEvent::NeedMore) return;
  const bool first = std::exchange(first_line_, false);
  if (is_markup(command.tag)) return fault(ErrorCode::NotImap, Side::Client, "an IMAP command");
  switch (event) {
    case CommandEvent::Head:
      if (first && is_not_imap()) return fault(ErrorCode::NotImap, Side::Client, "an IMAP command");
      ++turn_;
      ++commands_;
      if (command.body) return refuse_before_login("BAD Log in first");
      {
        imap::Command judged = command;
        return answer_before_login(judged);
      }
    case CommandEvent::ArgumentLiteral: {
      first_line_ = first;
      imap::Command judged = command;
      const filters::Decision decision = chain_.on_command(judged, context());
      // The NO takes the place of the "+", which would invite the secret (RFC 9051 §11.1).
      if (decision.ruling == filters::Ruling::Deny) return answer_before_login(judged);
      const bool takes_literals = command.verb == imap::Verb::Login || command.verb == imap::Verb::Id;
      if (!takes_literals) return refuse_before_login("BAD Log in first");
      if (client_scanner_.argument_is_too_large() || client_scanner_.argument().size > kCredentialBytes)
        return refuse_before_login("NO [TOOBIG] Too long");
      return say({"+ OK\r\n"});
    }
    case CommandEvent::Swallowed:
      say({std::exchange(swallow_answer_, {})});
      return;
    case CommandEvent::Malformed:
      if (!client_scanner_.certain() && first)
        return fault(ErrorCode::NotImap, Side::Client, "an IMAP command");
      if (!client_scanner_.certain()) return client_fault(client_scanner_.error());
      cells().side(Side::Client).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
      return bad_line(command.tag, "Malformed command");
    case CommandEvent::Body:
    case CommandEvent::Part:
    case CommandEvent::End:
    case CommandEvent::Line:
    case CommandEvent::NeedMore:
      break;  // a command with a body has been refused at its head
  }
}

void Session::Impl::refuse_before_login(Octets answer) {
  std::string text(client_scanner_.command().tag);
  text.append(" ").append(answer).append("\r\n");
  swallow(std::move(text));
}

void Session::Impl::bad_line(Octets tag, Octets text) {
  if (++bad_lines_ >= kBadLinesBeforeLogin) return end(ErrorCode::TooManyErrors);
  say({tag.empty() ? Octets("*") : tag, " BAD ", text, "\r\n"});
}

void Session::Impl::answer_before_login(imap::Command& command) {
  const filters::Decision decision = chain_.on_command(command, context());
  const bool denied = decision.ruling == filters::Ruling::Deny;
  chain_.on_verdict(command, {false, denied ? decision.code : ErrorCode::Ok}, context());
  tell_decision(decision, nullptr, command.verb);
  if (decision.ruling == filters::Ruling::Close) return end_by(decision);
  if (denied) {
    count(command.verb, telemetry::CommandResult::Denied);
    const bool login = command.verb == imap::Verb::Login;
    const auto mechanism = login ? imap::Mechanism::Login : imap::Mechanism::Other;
    if (login || command.verb == imap::Verb::Authenticate) {
      count_auth(mechanism, telemetry::AuthResult::Denied);
      act(LoginResult{{}, mechanism, telemetry::AuthResult::Denied, decision.code});
    }
    std::string answer(command.tag);
    answer.append(" ").append(decision.answer()).append("\r\n");
    const bool literal_announced = !client_scanner_.at_boundary();
    if (literal_announced) return swallow(std::move(answer));
    return say({answer});
  }
  const Octets tag = command.tag;
  switch (command.verb) {
    case imap::Verb::Capability:
      say({"* CAPABILITY ", offered(), "\r\n", tag, " OK CAPABILITY completed\r\n"});
      return count(command.verb, telemetry::CommandResult::Ok);
    case imap::Verb::Noop:
      say({tag, " OK NOOP completed\r\n"});
      return count(command.verb, telemetry::CommandResult::Ok);
    case imap::Verb::Id:
      return answer_id(command);
    case imap::Verb::Logout:
      say({"* BYE Logging out\r\n", tag, " OK LOGOUT completed\r\n"});
      bye_seen_ = true;
      count(command.verb, telemetry::CommandResult::Ok);
      return end(ErrorCode::Logout);
    case imap::Verb::Starttls:
      return answer_starttls(command);
    case imap::Verb::Login:
      return begin_login(command);
    case imap::Verb::Authenticate:
      return begin_authenticate(command);
    case imap::Verb::Unknown:
      count(command.verb, telemetry::CommandResult::Bad);
      return bad_line(tag, "Unknown command");
    default:
      count(command.verb, telemetry::CommandResult::Bad);
      say({tag, " BAD Log in first\r\n"});
  }
}

// What is said in clear where TLS is due is forgotten with the rest of that phase: anybody on the way could
// have said it.
void Session::Impl::answer_id(const imap::Command& command) {
  const auto pairs = read_id(command.args);
  if (!pairs) {
    count(command.verb, telemetry::CommandResult::Bad);
    return bad_line(command.tag, "Invalid ID parameters");
  }
  if (!needs_tls()) tell_id(command.args);
  const std::string speaker = env_.facts.client_address;
  if (!needs_tls() && identity_.hear(*pairs, env_.facts)) act(ClientKnown{env_.facts, speaker});
  say({id_answer(settings().rewrite.id, env_.version), command.tag, " OK ID completed\r\n"});
  count(command.verb, telemetry::CommandResult::Ok);
}

void Session::Impl::answer_starttls(const imap::Command& command) {
  auto& results = listener_cells().starttls;
  if (env_.facts.tls != config::ListenerTls::Starttls || client_tls_.secure || !command.args.empty()) {
    results[index_of(telemetry::StarttlsResult::Refused)].add();
    count(command.verb, telemetry::CommandResult::Bad);
    say({command.tag, client_tls_.secure ? Octets(" BAD TLS is already active\r\n")
                                         : Octets(" BAD STARTTLS is not available here\r\n")});
    return;
  }
  say({command.tag, " OK Begin TLS negotiation now\r\n"});
  starttls_asked_ = true;  // carried out when it is certain that nothing stands behind it in the same octets
}

// The check belongs to the switch of the transport, not to any spelling of the command (security.md 1 to 3).
void Session::Impl::begin_starttls() {
  starttls_asked_ = false;
  auto& results = listener_cells().starttls;
  if (leg(Side::Client).held() > 0) {
    results[index_of(telemetry::StarttlsResult::InjectionBlocked)].add();
    leg(Side::Client).out.clear();
    return fault(ErrorCode::StarttlsInjection, Side::Client, "a TLS handshake");
  }
  results[index_of(telemetry::StarttlsResult::Ok)].add();
  count(imap::Verb::Starttls, telemetry::CommandResult::Ok);
  client_scanner_ = imap::CommandScanner(command_limits_of(settings()));
  bad_lines_ = 0;
  identity_ = {};
  phase_ = Phase::Handshake;
  phase_clock_.start(now_ + settings().limits.timeouts.handshake);
  act(StartTls{Side::Client});
}

}  // namespace postern::session
