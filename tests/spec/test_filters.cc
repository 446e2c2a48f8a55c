#include "spec/test_filters.h"

#include <algorithm>

#include "imap/command_mailboxes.h"

namespace postern::spec {
namespace {

bool is_among(const Names& names, const imap::Command& command) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == "*" || equals_ignoring_case(name, command.name);
  });
}

}  // namespace

filters::Decision Denier::on_command(imap::Command& command, const filters::Context& context) {
  using filters::Decision;
  if (!context.logged_in) return Decision::pass();
  const bool is_part = command.tag.empty();
  if (!is_part && is_among(closed_, command)) return Decision::close(ErrorCode::PolicyClose);
  const bool has_text = !text_.empty() && command.text.find(text_) != Octets::npos;
  if (has_text || (!is_part && is_among(denied_, command)))
    return Decision::deny(ErrorCode::NoPermission, "NOPERM");
  return Decision::pass();
}

filters::Decision MailboxDenier::on_command(imap::Command& command, const filters::Context& context) {
  if (!context.logged_in || mailboxes_.empty()) return filters::Decision::pass();
  const imap::MailboxUses uses = imap::mailboxes_of(command);
  const bool denied = std::any_of(uses.named.begin(), uses.named.end(), [&](const imap::MailboxUse& use) {
    const imap::NameEncoding encoding = use.utf8 ? imap::NameEncoding::Utf8 : context.naming.encoding();
    const imap::CanonicalName name = context.naming.canonical(use.name, encoding);
    return std::any_of(mailboxes_.begin(), mailboxes_.end(), [&](const std::string& mailbox) {
      return mailbox == name.name || mailbox == name.other;
    });
  });
  if (denied || !uses.complete) return filters::Decision::deny(ErrorCode::NoPermission, "NOPERM");
  return filters::Decision::pass();
}

filters::Decision UserDenier::on_login(imap::Verb, const filters::Context& context) {
  const std::string user = context.user.empty() ? "hidden" : context.user;
  const auto has = [&](const Names& names) {
    return std::find(names.begin(), names.end(), user) != names.end();
  };
  if (has(closed_)) return filters::Decision::close(ErrorCode::PolicyClose);
  if (has(denied_)) return filters::Decision::deny(ErrorCode::NoPermission, "NOPERM", "not " + user);
  return filters::Decision::pass();
}

filters::Decision Recorder::on_command(imap::Command& command, const filters::Context& context) {
  if (!context.logged_in) return filters::Decision::pass();
  const bool held = command.tag.empty() ? parts_ : is_among(held_, command);
  return held ? filters::Decision::wait() : filters::Decision::pass();
}

filters::Decision Witness::on_command(imap::Command&, const filters::Context& context) {
  if (context.logged_in) ++counts_.judged;
  return filters::Decision::pass();
}

void Witness::on_verdict(const imap::Command&, const filters::Verdict& verdict,
                         const filters::Context& context) noexcept {
  if (context.logged_in) ++(verdict.forwarded ? counts_.forwarded : counts_.denied);
}

}  // namespace postern::spec
