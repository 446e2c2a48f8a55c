#include "session/relaying/judging.h"

#include "imap/capability.h"
#include "session/login/capability_line.h"

namespace postern::session {
namespace {

using telemetry::CommandResult;

// Beside its initial response: a tag, AUTHENTICATE, the mechanism's name.
constexpr std::size_t kAuthenticateBytes = 256;

constexpr OwnRefusal kAlreadyLoggedIn{"BAD Already logged in", CommandResult::Bad, false, false};
constexpr OwnRefusal kNotHere{"NO [CANNOT] Not possible through this server", CommandResult::No, false,
                              false};
constexpr OwnRefusal kMessageTooLarge{"NO [TOOBIG] Message too large", CommandResult::No, true, false};
constexpr OwnRefusal kUnstoppable{"NO [TOOBIG] Message too large", CommandResult::No, true, true};
constexpr OwnRefusal kUnasked{"BAD [TOOBIG] Non-synchronising literal too large", CommandResult::Bad, true,
                              false};

const OwnRefusal* size_refusal(const imap::LiteralInfo& body, const config::Settings& settings) {
  if (body.size > settings.limits.literal) return body.synchronising ? &kMessageTooLarge : &kUnstoppable;
  // RFC 7888 §5: where LITERAL- was told, a client asks before it sends more. The octets are under way and
  // have to be read.
  if (!body.synchronising && body.size > command_limits_of(settings).unasked) return &kUnasked;
  return nullptr;
}

}  // namespace

imap::CommandLimits command_limits_of(const config::Settings& settings) noexcept {
  const config::Limits& limits = settings.limits;
  imap::CommandLimits own{limits.line, limits.line, limits.sasl + kAuthenticateBytes};
  if (imap::literals_are_limited(edit_of(settings))) own.unasked = imap::kLiteralMinusOctets;
  return own;
}

// Never forwarded after login (protocol.md §3): another identity, or a channel that cannot be seen into.
const OwnRefusal* own_refusal(const imap::Command& command, const config::Settings& settings) {
  if (command.body)
    if (const auto* refusal = size_refusal(*command.body, settings)) return refusal;
  if (command.piece == imap::Piece::Later) return nullptr;
  switch (command.verb) {
    case imap::Verb::Starttls:
    case imap::Verb::Login:
    case imap::Verb::Authenticate:
      return &kAlreadyLoggedIn;
    case imap::Verb::Compress:
    case imap::Verb::Unauthenticate:
      return &kNotHere;
    default:
      return nullptr;
  }
}

Judgement judge(filters::Chain& chain, imap::Command& command, const filters::Context& context,
                const config::Settings& settings) {
  if (const auto* own = own_refusal(command, settings)) return {own, {}};
  return {nullptr, chain.on_command(command, context)};
}

std::string answer_of(const filters::Decision& decision) {
  if (decision.ruling != filters::Ruling::Close) return decision.answer();
  return "BYE " + (decision.text.empty() ? std::string(row_of(decision.code).client) : decision.text);
}

std::string answer_of(const OwnRefusal& refusal) {
  if (!refusal.ends) return std::string(refusal.answer);
  return "BYE [TOOBIG] " + std::string(row_of(ErrorCode::LiteralTooLarge).client);
}

}  // namespace postern::session
