#include "session/telling/audited_command.h"

#include <algorithm>

#include "base/joined.h"
#include "config/audit.h"
#include "imap/arguments.h"
#include "imap/command_mailboxes.h"
#include "session/login/identity.h"

namespace postern::session {
namespace {

using imap::Verb;

// Their first argument is a set of messages.
bool begins_with_set(const imap::Command& command) noexcept {
  switch (command.verb) {
    case Verb::Copy:
    case Verb::Fetch:
    case Verb::Move:
    case Verb::Replace:
    case Verb::Store:
      return true;
    case Verb::Expunge:
      return command.uid;
    default:
      return false;
  }
}

// The number of messages that are gone afterwards means something.
bool removes_messages(Verb verb) noexcept {
  switch (verb) {
    case Verb::Close:
    case Verb::Delete:
    case Verb::Expunge:
    case Verb::Move:
    case Verb::Rename:
    case Verb::Replace:
    case Verb::Store:
    case Verb::Unknown:
      return true;
    default:
      return false;
  }
}

// STORE's item with its flags: "+FLAGS.SILENT (\Deleted)".
std::string store_flags(Octets args, const imap::CommandEffect& effect) {
  if (!effect.complete) return {};
  take_word(args);
  while (!args.empty()) {
    const Octets word = take_word(args);
    const Octets item = word.substr(std::min(word.find_first_not_of("+-"), word.size()));
    if (starts_ignoring_case(item, "FLAGS") || starts_ignoring_case(item, "X-GM-LABELS"))
      return std::string(word).append(" ").append(flag_list(effect.flags));
  }
  return {};
}

bool is_mailbox(imap::MailboxRole role) noexcept {
  return role != imap::MailboxRole::Reference && role != imap::MailboxRole::Pattern;
}

void add_mailboxes(audit::Command& described, const imap::Command& command, const imap::MailboxNaming& naming,
                   const filters::SelectedMailbox* selected) {
  const imap::MailboxUses uses = imap::mailboxes_of(command);
  if (uses.selected && selected != nullptr) described.mailbox = naming.canonical(selected->name).name;
  for (const imap::MailboxUse& use : uses.named) {
    if (!is_mailbox(use.role) || use.name.empty()) continue;
    std::string name = use.utf8 ? naming.canonical(use.name, imap::NameEncoding::Utf8).name
                                : naming.canonical(use.name).name;
    if (described.mailbox.empty() && !uses.selected) {
      described.mailbox = std::move(name);
    } else {
      described.target = std::move(name);
      return;
    }
  }
}

}  // namespace

std::uint16_t audited_bits(std::uint8_t classes) noexcept {
  namespace audited = config::audited;
  std::uint16_t bits = 0;
  if ((classes & imap::effect::kDestroys) != 0) bits |= audited::kDestructive;
  if ((classes & imap::effect::kWrites) != 0) bits |= audited::kWrite;
  if ((classes & imap::effect::kAdministers) != 0) bits |= audited::kAdmin;
  if ((classes & imap::effect::kReads) != 0) bits |= audited::kRead;
  return bits != 0 ? bits : audited::kOther;
}

std::string flag_list(const std::vector<Octets>& flags) {
  return "(" +
         joined(
             flags, [](Octets flag) { return flag; }, " ") +
         ")";
}

audit::Command describe(const imap::Command& command, const imap::CommandEffect& effect,
                        const imap::MailboxNaming& naming, const filters::SelectedMailbox* selected) {
  audit::Command described;
  if (command.verb == Verb::Unknown) {
    for (const char c : command.name)
      described.name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  } else {
    described.name = imap::name_of(command.verb);
  }
  described.uid = command.uid;
  described.classes = effect.classes;
  described.removes = (effect.classes & imap::effect::kDestroys) != 0 && removes_messages(command.verb);
  if (command.body) described.literal_bytes = command.body->size;
  Octets args = command.args;
  const Octets first = take_word(args);
  if (begins_with_set(command) && imap::is_sequence_set(first)) described.set = first;
  if (command.verb == Verb::Store) described.flags = store_flags(command.args, effect);
  if (command.body && !effect.flags.empty()) described.flags = flag_list(effect.flags);
  add_mailboxes(described, command, naming, selected);
  return described;
}

std::optional<audit::ClientId> client_id(Octets args) {
  const auto pairs = read_id(args);
  if (!pairs) return std::nullopt;
  audit::ClientId id;
  for (const IdPair& pair : *pairs) {
    const auto take = [&](Octets name, std::string& out) {
      if (equals_ignoring_case(pair.name, name) && pair.value) out = *pair.value;
    };
    take("name", id.name);
    take("version", id.version);
    take("vendor", id.vendor);
    take("os", id.os);
  }
  return id;
}

void UidCode::begin(const imap::Response& response, Octets head) {
  open_ = imap::has_code(response, "COPYUID") || imap::has_code(response, "APPENDUID");
  if (!open_) return;
  code_.clear();
  cut_ = false;
  feed(head.substr(static_cast<std::size_t>(response.code.data() - head.data())));
}

void UidCode::feed(Octets octets) {
  const std::size_t end = octets.find(']');
  const Octets more = octets.substr(0, end);
  const Octets kept = more.substr(0, kKeptBytes - code_.size());
  code_ += kept;
  cut_ = cut_ || kept.size() < more.size();
  open_ = end == Octets::npos;
}

std::optional<audit::AnsweredUids> UidCode::take() {
  Octets rest = code_;
  if (rest.empty()) return std::nullopt;
  audit::AnsweredUids uids;
  const bool copy = equals_ignoring_case(take_word(rest), "COPYUID");
  uids.validity = take_word(rest);
  if (copy) uids.source = take_word(rest);
  uids.destination = take_word(rest);
  uids.cut = cut_;
  std::string().swap(code_);
  return uids;
}

}  // namespace postern::session
