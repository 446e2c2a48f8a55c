#include "filters/tls_policy.h"

namespace postern::filters {

Decision TlsPolicy::on_command(imap::Command& command, const Context& context) {
  if (context.tls.secure || context.facts.tls == config::ListenerTls::Off) return Decision::pass();
  if (command.verb != imap::Verb::Login && command.verb != imap::Verb::Authenticate) return Decision::pass();
  return Decision::deny(ErrorCode::PrivacyRequired, "PRIVACYREQUIRED");
}

}  // namespace postern::filters
