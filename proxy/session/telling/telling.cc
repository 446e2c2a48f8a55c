#include "session/telling/telling.h"

#include <utility>

#include "imap/command_mailboxes.h"

namespace postern::session {
namespace {

// The counts that make sense only where messages vanish one by one (protocol.md §5).
bool vanishes_silently(Octets name) noexcept {
  return name == "CLOSE" || name == "DELETE" || name == "RENAME";
}

audit::CommandResult result_of(imap::Status status) noexcept {
  if (status == imap::Status::Ok) return audit::CommandResult::Ok;
  return status == imap::Status::No ? audit::CommandResult::No : audit::CommandResult::Bad;
}

}  // namespace

std::unique_ptr<audit::Record> Telling::new_record(std::uint64_t number, audit::Body body) {
  auto record = std::make_unique<audit::Record>();
  record->number = number;
  record->user = core_.user;
  record->body = std::move(body);
  return record;
}

void Telling::decided(const filters::Decision& decision, imap::Verb verb, const filters::Context& context,
                      const imap::Command* command) {
  using telemetry::PolicyResult;
  const bool undecided = decision.ruling == filters::Ruling::Hold ||
                         decision.ruling == filters::Ruling::Ask || decision.ruling == filters::Ruling::Delay;
  if (undecided) return;
  const bool refused = decision.ruling == filters::Ruling::Deny || decision.ruling == filters::Ruling::Close;
  const filters::RuleHits& hits = decision.rules;
  const auto add = [&](std::int32_t rule, PolicyResult result) {
    if (rule == filters::RuleHits::kNone || core_.env.rule_slots == nullptr) return;
    core_.cells().rules[(*core_.env.rule_slots)[static_cast<std::size_t>(rule)]][index_of(result)].add();
  };
  const bool changed = decision.rewriting != filters::Rewriting::None;
  add(hits.decided, refused ? PolicyResult::Deny : changed ? PolicyResult::Rewrite : PolicyResult::Allow);
  add(hits.observed, PolicyResult::Observe);
  const bool is_login_refusal = refused && hits.decided == filters::RuleHits::kNone &&
                                (verb == imap::Verb::Login || verb == imap::Verb::Authenticate);
  if (is_login_refusal || (!refused && !changed && hits.observed == filters::RuleHits::kNone)) return;
  PolicyDecision report{hits, decision.ruling, decision.code, decision.rewriting,
                        verb, false,           context.user,  {}};
  if (command != nullptr) {
    report.uid = command->uid;
    const imap::MailboxUses uses = imap::mailboxes_of(*command);
    if (!uses.named.empty()) {
      report.mailbox = context.naming.canonical(uses.named.back().name).name;
    } else if (uses.selected && context.selected != nullptr) {
      report.mailbox = context.naming.canonical(context.selected->name).name;
    }
  }
  core_.act(std::move(report));
}

// --- around the login -----------------------------------------------------------------------------------

void Telling::client_id(Octets args) {
  if (core_.env.audit == nullptr || !core_.settings().audit.records(config::audited::kSession)) return;
  if (auto id = session::client_id(args))
    core_.act(Recorded{new_record(next_record(), std::move(*id)), AuditRoom::Ordinary});
}

bool Telling::cannot_record_login() const noexcept {
  return core_.env.audit != nullptr && core_.settings().audit.records(config::audited::kAuth) &&
         !core_.env.audit->writable();
}

void Telling::begin() {
  namespace audited = config::audited;
  constexpr std::uint16_t kCommands = audited::kDestructive | audited::kWrite | audited::kAdmin |
                                      audited::kRead | audited::kPolicy | audited::kOther;
  if (core_.env.audit != nullptr && core_.settings().audit.records(kCommands))
    notes_ = std::make_unique<TrailNotes>();
}

// --- before a command goes ------------------------------------------------------------------------------

void Telling::expect(std::optional<std::uint64_t> messages) noexcept {
  if (notes_) notes_->expected = messages;
}

Telling::Ahead Telling::before(const imap::Command& command, const filters::Decision& decision,
                               const filters::Context& context) {
  if (!notes_) return {};
  const filters::Rewriting rewriting = decision.rewriting;
  imap::CommandEffect effect =
      imap::effect_of(command, context.selected != nullptr && context.selected->read_only);
  if (rewriting == filters::Rewriting::Examine) effect.classes = imap::effect::kReads;
  if (rewriting == filters::Rewriting::KeepMail) effect.classes = 0;
  const config::Audit& asked = core_.settings().audit;
  const bool met =
      rewriting != filters::Rewriting::None || decision.rules.observed != filters::RuleHits::kNone;
  const bool by_policy = met && asked.records(config::audited::kPolicy);
  const bool recorded = by_policy || asked.records(audited_bits(effect.classes));
  if (!recorded && !command.body) return {};
  auto audited = std::make_unique<AuditedCommand>();
  audited->command = describe(command, effect, context.naming, context.selected);
  audited->command.number = core_.commands;
  audited->command.expected = std::exchange(notes_->expected, std::nullopt);
  audited->number = next_record();
  if (command.body) audited->parts.begin(command);
  if (rewriting != filters::Rewriting::None)
    audited->command.sent_as = rewriting == filters::Rewriting::Examine ? "EXAMINE" : "UNSELECT";
  if (!recorded) return {std::move(audited), false};
  audited->recorded = true;
  const bool destroys = (effect.classes & imap::effect::kDestroys) != 0;
  const bool ahead = asked.durability == config::Durability::WriteAhead && (destroys || by_policy);
  if (!ahead && core_.env.audit->reserve()) return {std::move(audited), false};
  std::unique_ptr<audit::Record> intent = ahead ? intent_of(*audited) : nullptr;
  notes_->waiting = std::move(audited);
  notes_->rewriting = rewriting;
  notes_->part_waits = false;
  await_trail(std::move(intent), true);
  return {nullptr, true};
}

// Of a command as far as it is known now.
std::unique_ptr<audit::Record> Telling::intent_of(const AuditedCommand& audited) {
  audit::Command before = audited.command;
  before.intent = true;
  return new_record(audited.number, std::move(before));
}

void Telling::await_trail(std::unique_ptr<audit::Record> intent, bool outcome) {
  core_.ask(asked::Record{std::move(intent), outcome});
}

// A later message of a MULTIAPPEND, a later part of a CATENATE: its flags are recorded before it goes.
bool Telling::before_part(const imap::Command& part, AuditedCommand& append) {
  const imap::CommandEffect effect = append.parts.next(part);
  const std::string flags = effect.flags.empty() ? std::string() : flag_list(effect.flags);
  if (!flags.empty()) append.command.flags.append(append.command.flags.empty() ? "" : " ").append(flags);
  append.command.classes |= effect.classes;
  if (part.body) append.command.literal_bytes += part.body->size;
  const bool destroys = (effect.classes & imap::effect::kDestroys) != 0;
  const config::Audit& asked = core_.settings().audit;
  const bool ahead = destroys && asked.durability == config::Durability::WriteAhead;
  if (!asked.records(audited_bits(effect.classes)) || (append.recorded && !ahead)) return false;
  if (!ahead && core_.env.audit->reserve()) {
    append.recorded = true;
    return false;
  }
  std::unique_ptr<audit::Record> intent;
  if (ahead) {
    intent = intent_of(append);
    std::get<audit::Command>(intent->body).flags = flags;  // those of this part alone
  }
  notes_->part_waits = true;
  notes_->part_reserves = !append.recorded;
  await_trail(std::move(intent), notes_->part_reserves);
  return true;
}

// Those that are under way already share its answers.
void Telling::forwarding(AuditedCommand* audited) noexcept {
  if (!notes_) return;
  const bool alone = !core_.pending.at_upstream();
  if (!alone) ++notes_->overlaps;
  if (audited == nullptr) return;
  audited->since = core_.now;
  audited->removed_before = notes_->removed;
  audited->octets_before = notes_->octets;
  audited->overlaps_before = notes_->overlaps;
  audited->alone = alone;
}

// --- while one waits for the trail ----------------------------------------------------------------------

Telling::Granted Telling::granted(AuditedCommand* append) {
  if (!std::exchange(notes_->part_waits, false)) return {std::move(notes_->waiting), notes_->rewriting};
  if (notes_->part_reserves && append != nullptr) append->recorded = true;
  return {};
}

std::unique_ptr<audit::Record> Telling::unforwarded(ErrorCode code, const AuditedCommand* append) {
  std::unique_ptr<audit::Record> record;
  if (std::exchange(notes_->part_waits, false)) {
    if (notes_->part_reserves && append != nullptr) record = new_record(append->number, append->command);
  } else {
    const std::unique_ptr<AuditedCommand> waiting = std::move(notes_->waiting);
    record = new_record(waiting->number, std::move(waiting->command));
  }
  if (!record) return nullptr;
  record->outcome = audit::Outcome::Denied;
  record->reason = label_of(code);
  return record;
}

// --- how it ended ---------------------------------------------------------------------------------------

void Telling::outcome(AuditedCommand& audited, audit::CommandResult result, ErrorCode code) {
  if (!audited.recorded) return;
  audit::Command& command = audited.command;
  const bool was_sent = result != audit::CommandResult::None;
  const bool is_answered = was_sent && result != audit::CommandResult::Lost;
  command.result = result;
  if (was_sent) command.duration = core_.now - audited.since;
  if (was_sent && command.removes && !vanishes_silently(command.name))
    command.removed = notes_->removed - audited.removed_before;
  if (is_answered && audited.alone && notes_->overlaps == audited.overlaps_before)
    command.bytes_out = notes_->octets - audited.octets_before;
  auto record = new_record(audited.number, std::move(command));
  if (audited.refused != ErrorCode::Ok) code = audited.refused;
  if (code != ErrorCode::Ok) record->reason = label_of(code);
  if (audited.refused != ErrorCode::Ok) {
    record->outcome = audit::Outcome::Denied;
  } else if (result == audit::CommandResult::Lost) {
    record->outcome = audit::Outcome::Error;
  } else if (result == audit::CommandResult::No || result == audit::CommandResult::Bad) {
    record->outcome = audit::Outcome::Failure;
  }
  core_.act(Recorded{std::move(record), AuditRoom::Reserved});
}

void Telling::outcome(AuditedCommand& audited, imap::Status status) { outcome(audited, result_of(status)); }

void Telling::losses(ErrorCode code, const AuditedCommand* append, AuditedCommand* unsent) {
  if (!notes_) return;
  if (awaits_trail()) core_.forget(unforwarded(code, append));
  for (Pending& pending : core_.pending.all())
    if (pending.audited) outcome(*pending.audited, audit::CommandResult::Lost, code);
  if (unsent != nullptr) outcome(*unsent, audit::CommandResult::None, code);
}

// --- what the upstream says meanwhile -------------------------------------------------------------------

// What the upstream says beside the completions: messages that are gone, and UIDs of those that have come.
void Telling::watch(imap::ResponseEvent event) {
  const bool is_response = event == imap::ResponseEvent::Head || event == imap::ResponseEvent::More;
  if (!notes_ || !is_response) return;
  const Octets octets = core_.upstream_scanner.octets();
  notes_->octets += octets.size();
  if (event == imap::ResponseEvent::Head) {
    const imap::Response& response = core_.upstream_scanner.response();
    notes_->uids.begin(response, octets);
    if (response.has_number && equals_ignoring_case(response.keyword, "EXPUNGE")) ++notes_->removed;
    if (!response.has_number && equals_ignoring_case(response.keyword, "VANISHED")) {
      const Octets keyword = response.keyword;
      notes_->vanished.emplace();
      notes_->vanished->feed(
          octets.substr(static_cast<std::size_t>(keyword.data() + keyword.size() - octets.data())));
    }
  } else {
    if (notes_->vanished) notes_->vanished->feed(octets);
    if (notes_->uids.open()) notes_->uids.feed(octets);
  }
  if (!core_.upstream_scanner.complete() || !notes_->vanished) return;
  notes_->removed += notes_->vanished->count();
  notes_->vanished.reset();
}

// Behind a whole response: APPENDUID and COPYUID stand in the completion, but MOVE's in an untagged OK
// (RFC 6851 §4.3).
void Telling::keep_answered_uids(Octets tag) {
  if (!notes_) return;
  auto uids = notes_->uids.take();
  if (!uids) return;
  Pending* const pending = tag.empty() ? core_.pending.find(imap::Verb::Move) : core_.pending.find(tag);
  if (pending != nullptr && pending->audited) pending->audited->command.uids = std::move(*uids);
}

}  // namespace postern::session
