#include <utility>

#include "imap/writer.h"
#include "session/errands/errands.h"

namespace postern::session {

// --- what is known of the upstream ----------------------------------------------------------------------

void Errands::know(const imap::CapabilityList& capabilities) {
  has_id_ = imap::has_capability(capabilities, "ID");
  naming_.learn_capabilities(capabilities);
  const auto has = [&](Octets name) { return imap::has_capability(capabilities, name); };
  const bool rev2 = has("IMAP4REV2");
  abilities_ = {rev2 || has("UNSELECT"), rev2 || has("ESEARCH"), has("SPECIAL-USE"), rev2 || has("NAMESPACE"),
                false};
}

void Errands::hear_enabled(Octets words) noexcept {
  while (!words.empty())
    abilities_.uid_only = equals_ignoring_case(take_word(words), "UIDONLY") || abilities_.uid_only;
}

// --- beginning one --------------------------------------------------------------------------------------

void Errands::begin(Errand::Purpose purpose, std::vector<Errand::Step> steps) {
  errand_ = std::make_unique<Errand>();
  errand_->purpose = purpose;
  errand_->steps = std::move(steps);
}

void Errands::learn(const filters::Needs& needs) {
  std::vector<Errand::Step> steps;
  if (needs.naming) {
    steps.push_back({OwnKind::Separator, {"LIST \"\" \"\""}});
    if (abilities_.namespaces) steps.push_back({OwnKind::Namespaces, {"NAMESPACE"}});
  }
  if (needs.special_use) {
    special_ = std::make_unique<filters::SpecialMailboxes>();
    if (abilities_.special_use) steps.push_back({OwnKind::SpecialUse, {"LIST (SPECIAL-USE) \"\" \"*\""}});
  }
  if (steps.empty()) return;
  begin(Errand::Purpose::Learn, std::move(steps));
  send_next();
}

void Errands::count(const filters::Question& question) {
  const bool messages = question.kind == filters::Question::Kind::Messages;
  begin(Errand::Purpose::Count, {{messages ? OwnKind::Messages : OwnKind::Matches, question.chunks}});
  send_next();
}

void Errands::leave(Octets client_tag, const std::string& mailbox) {
  Errand::Step step{OwnKind::Examine, {"EXAMINE "}};
  imap::add_string(step.chunks, mailbox);
  begin(Errand::Purpose::Leave, {std::move(step)});
  errand_->client_tag = client_tag;
  send_next();
}

void Errands::record(std::unique_ptr<AuditedCommand> close) { errand_->audited = std::move(close); }

// --- its way --------------------------------------------------------------------------------------------

void Errands::send_next() {
  if (!errand_ || is_sent() || core_.pending.at_upstream() || !core_.upstream_open) return;
  Errand& errand = *errand_;
  const Errand::Step& step = errand.steps[errand.step];
  errand.tag = core_.own_tag();
  errand.answer.emplace(step.kind, errand.tag);
  errand.read_only = false;
  core_.pending.add(Pending::own(errand.tag));
  core_.emit(Side::Upstream, errand.tag);
  core_.emit(Side::Upstream, " ");
  send_chunk();
}

void Errands::send_chunk() {
  Errand& errand = *errand_;
  const std::vector<std::string>& chunks = errand.steps[errand.step].chunks;
  core_.emit(Side::Upstream, chunks[errand.next_chunk++]);
  if (errand.next_chunk == chunks.size()) core_.emit(Side::Upstream, "\r\n");
}

bool Errands::awaits_count() const noexcept {
  return is_sent() && errand_->purpose == Errand::Purpose::Count;
}

void Errands::abandon_count() {
  if (!errand_ || errand_->purpose != Errand::Purpose::Count) return;
  if (!is_sent()) {
    errand_.reset();
  } else {
    errand_->abandoned = true;
  }
}

// --- what the upstream answers --------------------------------------------------------------------------

bool Errands::takes_line(const imap::Response& response) {
  if (!errand_) return false;
  const Octets octets = core_.upstream_scanner.octets();
  errand_->line_taken =
      response.kind == imap::ResponseKind::Untagged && is_sent() && errand_->answer->takes(response, octets);
  if (!errand_->line_taken) return false;
  naming_.learn(response, octets);
  errand_->answer->feed(octets, core_.upstream_scanner.complete());
  return true;
}

void Errands::feed_line() {
  if (errand_ && errand_->line_taken)
    errand_->answer->feed(core_.upstream_scanner.octets(), core_.upstream_scanner.complete());
}

bool Errands::takes_plus() {
  if (!is_sent() || errand_->next_chunk >= errand_->steps[errand_->step].chunks.size()) return false;
  send_chunk();
  return true;
}

void Errands::takes_verdict(const imap::Response& response) noexcept {
  errand_->read_only = imap::has_code(response, "READ-ONLY");
}

Errands::Result Errands::completed(imap::Status status) {
  Errand& errand = *errand_;
  const bool ok = status == imap::Status::Ok;
  switch (errand.purpose) {
    case Errand::Purpose::Learn: {
      const bool told_trash = ok && errand.steps[errand.step].kind == OwnKind::SpecialUse;
      if (auto trash = told_trash ? errand.answer->trash() : std::nullopt) {
        special_->known = true;
        special_->trash = std::move(*trash);
      }
      errand.next_chunk = 0;
      if (++errand.step < errand.steps.size()) {
        send_next();
      } else {
        errand_.reset();
      }
      return {};
    }
    case Errand::Purpose::Count: {
      const filters::Answer answer{status, ok ? errand.answer->count() : std::nullopt};
      const bool abandoned = errand.abandoned;
      errand_.reset();
      if (abandoned) return {};
      return answer;
    }
    case Errand::Purpose::Leave:
      break;
  }
  Left left{std::move(errand.client_tag), std::move(errand.audited), status, errand.read_only};
  errand_.reset();
  return left;
}

}  // namespace postern::session
