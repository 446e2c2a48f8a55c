// What the audit trail is told of commands (protocol.md §5): before one is forwarded, where it has to be on
// disk first, and when it is over. It is no filter: it decides nothing, and has to see what the filters
// decided.
#include <utility>

#include "session/impl.h"

namespace postern::session {
namespace {

constexpr Duration kRecordFor = std::chrono::seconds(10);  // as long a command waits to be recorded

// The counts that make sense only where messages vanish one by one (protocol.md §5).
bool vanishes_silently(Octets name) noexcept {
  return name == "CLOSE" || name == "DELETE" || name == "RENAME";
}

audit::CommandResult result_of(imap::Status status) noexcept {
  if (status == imap::Status::Ok) return audit::CommandResult::Ok;
  return status == imap::Status::No ? audit::CommandResult::No : audit::CommandResult::Bad;
}

}  // namespace

// From the login on, where commands are recorded.
void Session::Impl::begin_auditing() {
  namespace audited = config::audited;
  constexpr std::uint16_t kCommands = audited::kDestructive | audited::kWrite | audited::kAdmin |
                                      audited::kRead | audited::kPolicy | audited::kOther;
  if (env_.audit != nullptr && settings().audit.records(kCommands)) auditing_ = std::make_unique<Auditing>();
}

std::unique_ptr<audit::Record> Session::Impl::new_record(std::uint64_t number, audit::Body body) {
  auto record = std::make_unique<audit::Record>();
  record->number = number;
  record->user = user_;
  record->body = std::move(body);
  return record;
}

// What is known of a command before it is forwarded; null: nothing of it is recorded.
std::unique_ptr<AuditedCommand> Session::Impl::audited(const imap::Command& command,
                                                       const imap::CommandEffect& effect) {
  auto audited = std::make_unique<AuditedCommand>();
  audited->told = describe(command, effect, naming_, selected_ ? &*selected_ : nullptr);
  audited->told.number = commands_;
  audited->told.expected = std::exchange(auditing_->expected, std::nullopt);
  audited->number = next_record();
  if (command.body) audited->parts.begin(command);
  return audited;
}

// Everything behind the filters' judgement: forwarded at once, or when the trail has it.
void Session::Impl::record_and_forward(imap::Command& command, const filters::Decision& decision, bool held) {
  const filters::Rewriting rewriting = decision.rewriting;
  if (!auditing_) return forward(command, rewriting, held, nullptr);
  imap::CommandEffect effect = imap::effect_of(command, selected_ && selected_->read_only);
  if (rewriting == filters::Rewriting::Examine) effect.classes = imap::effect::kReads;
  if (rewriting == filters::Rewriting::KeepMail) effect.classes = 0;
  const config::Audit& asked = settings().audit;
  const bool met =
      rewriting != filters::Rewriting::None || decision.rules.observed != filters::RuleHits::kNone;
  const bool by_policy = met && asked.records(config::audited::kPolicy);
  const bool recorded = by_policy || asked.records(audited_bits(effect.classes));
  if (!recorded && !command.body) return forward(command, rewriting, held, nullptr);
  auto told = audited(command, effect);
  if (rewriting != filters::Rewriting::None)
    told->told.sent_as = rewriting == filters::Rewriting::Examine ? "EXAMINE" : "UNSELECT";
  if (!recorded) return forward(command, rewriting, held, std::move(told));
  told->recorded = true;
  const bool destroys = (effect.classes & imap::effect::kDestroys) != 0;
  const bool ahead = asked.durability == config::Durability::WriteAhead && (destroys || by_policy);
  if (!ahead && env_.audit->reserve()) return forward(command, rewriting, held, std::move(told));
  std::unique_ptr<audit::Record> intent;
  if (ahead) {
    audit::Command before = told->told;
    before.intent = true;
    intent = new_record(told->number, std::move(before));
  }
  auditing_->waiting = std::move(told);
  auditing_->rewriting = rewriting;
  auditing_->part_waits = false;
  await_trail(command, std::move(intent), true);
}

void Session::Impl::await_trail(const imap::Command& command, std::unique_ptr<audit::Record> intent,
                                bool outcome) {
  const auto reason = intent ? filters::HoldReason::Record : filters::HoldReason::RingFull;
  act(Hold{++hold_id_, reason, std::move(intent), outcome});
  park(command, now_ + kRecordFor);
}

// A later message of a MULTIAPPEND, a later part of a CATENATE: its flags are recorded before it goes.
void Session::Impl::record_and_pass(imap::Command& part, bool held) {
  const Pending* const pending = pending_.find(sending_->tag);
  AuditedCommand* const told = auditing_ && pending != nullptr ? pending->audited.get() : nullptr;
  if (told == nullptr) return pass_part(part, held);
  const imap::CommandEffect effect = told->parts.next(part);
  const std::string flags = effect.flags.empty() ? std::string() : joined(effect.flags);
  if (!flags.empty()) told->told.flags.append(told->told.flags.empty() ? "" : " ").append(flags);
  told->told.classes |= effect.classes;
  if (part.body) told->told.literal_bytes += part.body->size;
  const bool destroys = (effect.classes & imap::effect::kDestroys) != 0;
  const config::Audit& asked = settings().audit;
  const bool ahead = destroys && asked.durability == config::Durability::WriteAhead;
  if (!asked.records(audited_bits(effect.classes)) || (told->recorded && !ahead))
    return pass_part(part, held);
  if (!ahead && env_.audit->reserve()) {
    told->recorded = true;
    return pass_part(part, held);
  }
  std::unique_ptr<audit::Record> intent;
  if (ahead) {
    audit::Command before = told->told;
    before.intent = true;
    before.flags = flags;
    intent = new_record(told->number, std::move(before));
  }
  auditing_->part_waits = true;
  auditing_->part_reserves = !told->recorded;
  await_trail(part, std::move(intent), auditing_->part_reserves);
}

bool Session::Impl::awaits_trail() const noexcept {
  return auditing_ && (auditing_->waiting || auditing_->part_waits);
}

// It is on disk, or has its room: the command goes on.
void Session::Impl::recorded(imap::Command& command) {
  if (!std::exchange(auditing_->part_waits, false))
    return forward(command, auditing_->rewriting, true, std::move(auditing_->waiting));
  const Pending* const pending = pending_.find(sending_->tag);
  if (auditing_->part_reserves && pending != nullptr) pending->audited->recorded = true;
  pass_part(command, true);
}

// The outcome of what waited for the trail and will not be forwarded. Null: it has none of its own.
std::unique_ptr<audit::Record> Session::Impl::unforwarded(ErrorCode code) {
  std::unique_ptr<audit::Record> record;
  if (std::exchange(auditing_->part_waits, false)) {
    const Pending* const pending = sending_ ? pending_.find(sending_->tag) : nullptr;
    if (auditing_->part_reserves && pending != nullptr)
      record = new_record(pending->audited->number, pending->audited->told);
  } else {
    const std::unique_ptr<AuditedCommand> waiting = std::move(auditing_->waiting);
    record = new_record(waiting->number, std::move(waiting->told));
  }
  if (!record) return nullptr;
  record->outcome = audit::Outcome::Denied;
  record->reason = label_of(code);
  return record;
}

// A command is about to go upstream; those that are under way already share its answers.
void Session::Impl::begin_audited(AuditedCommand& told) const {
  told.since = now_;
  told.removed_before = auditing_->removed;
  told.octets_before = auditing_->octets;
  told.overlaps_before = auditing_->overlaps;
  told.alone = !pending_.at_upstream();
}

// `code`: why it is lost, or why the gateway has answered it.
void Session::Impl::tell_outcome(AuditedCommand& told, audit::CommandResult result, ErrorCode code) {
  if (!told.recorded) return;
  audit::Command& command = told.told;
  const bool was_sent = result != audit::CommandResult::None;
  const bool is_answered = was_sent && result != audit::CommandResult::Lost;
  command.result = result;
  if (was_sent) command.duration = now_ - told.since;
  if (was_sent && command.removes && !vanishes_silently(command.name))
    command.removed = auditing_->removed - told.removed_before;
  if (is_answered && told.alone && auditing_->overlaps == told.overlaps_before)
    command.bytes_out = auditing_->octets - told.octets_before;
  auto record = new_record(told.number, std::move(command));
  if (told.refused != ErrorCode::Ok) code = told.refused;
  if (code != ErrorCode::Ok) record->reason = label_of(code);
  if (told.refused != ErrorCode::Ok) {
    record->outcome = audit::Outcome::Denied;
  } else if (result == audit::CommandResult::Lost) {
    record->outcome = audit::Outcome::Error;
  } else if (result == audit::CommandResult::No || result == audit::CommandResult::Bad) {
    record->outcome = audit::Outcome::Failure;
  }
  act(Recorded{std::move(record), AuditRoom::Reserved});
}

void Session::Impl::tell_outcome(AuditedCommand& told, imap::Status status) {
  tell_outcome(told, result_of(status), ErrorCode::Ok);
}

// The session ends: what is under way has no outcome that anybody will ever know.
void Session::Impl::tell_losses(ErrorCode code) {
  if (!auditing_) return;
  if (awaits_trail()) act(Unhold{hold_id_, unforwarded(code)});
  for (Pending& pending : pending_.all())
    if (pending.audited) tell_outcome(*pending.audited, audit::CommandResult::Lost, code);
  if (errand_ && errand_->audited) tell_outcome(*errand_->audited, audit::CommandResult::None, code);
}

// What the upstream says beside the completions: messages that are gone, and UIDs of those that have come.
void Session::Impl::watch_response(imap::ResponseEvent event) {
  const Octets octets = upstream_scanner_.octets();
  auditing_->octets += octets.size();
  if (event == imap::ResponseEvent::Head) {
    const imap::Response& response = upstream_scanner_.response();
    auditing_->uids.begin(response, octets);
    if (response.has_number && equals_ignoring_case(response.keyword, "EXPUNGE")) ++auditing_->removed;
    if (!response.has_number && equals_ignoring_case(response.keyword, "VANISHED")) {
      const Octets keyword = response.keyword;
      auditing_->vanished.emplace();
      auditing_->vanished->feed(
          octets.substr(static_cast<std::size_t>(keyword.data() + keyword.size() - octets.data())));
    }
  } else {
    if (auditing_->vanished) auditing_->vanished->feed(octets);
    if (auditing_->uids.open()) auditing_->uids.feed(octets);
  }
  if (!upstream_scanner_.complete() || !auditing_->vanished) return;
  auditing_->removed += auditing_->vanished->count();
  auditing_->vanished.reset();
}

// Behind a whole response: APPENDUID and COPYUID stand in the completion, but MOVE's in an untagged OK
// (RFC 6851 §4.3).
void Session::Impl::keep_answered_uids() {
  auto uids = auditing_->uids.take();
  if (!uids) return;
  Pending* const pending =
      passing_.tag.empty() ? pending_.find(imap::Verb::Move) : pending_.find(passing_.tag);
  if (pending != nullptr && pending->audited) pending->audited->told.uids = std::move(*uids);
}

bool Session::Impl::cannot_record_login() const noexcept {
  return env_.audit != nullptr && settings().audit.records(config::audited::kAuth) && !env_.audit->writable();
}

void Session::Impl::tell_id(Octets args) {
  if (env_.audit == nullptr || !settings().audit.records(config::audited::kSession)) return;
  if (auto id = client_id(args))
    act(Recorded{new_record(next_record(), std::move(*id)), AuditRoom::Ordinary});
}

}  // namespace postern::session
