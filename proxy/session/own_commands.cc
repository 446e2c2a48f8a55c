// Commands of the gateway's own: they run with nothing else pending, under a random tag, and the client sees
// nothing of them (protocol.md §3).
#include <utility>

#include "imap/writer.h"
#include "session/impl.h"

namespace postern::session {

// What rules have to know before the first command is judged.
void Session::Impl::learn(const filters::Needs& needs) {
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
  errand_ = std::make_unique<Errand>();
  errand_->steps = std::move(steps);
  run_errand();
}

// The command that the filter asks about is parked meanwhile; nothing behind it is looked at.
void Session::Impl::ask(const filters::Question& question) {
  errand_ = std::make_unique<Errand>();
  errand_->purpose = Errand::Purpose::Count;
  const bool messages = question.kind == filters::Question::Kind::Messages;
  errand_->steps.push_back({messages ? OwnKind::Messages : OwnKind::Matches, question.chunks});
  run_errand();
}

// EXAMINE of the mailbox that is selected takes away the right to expunge; CLOSE is harmless then.
void Session::Impl::leave_mailbox(Octets client_tag) {
  errand_ = std::make_unique<Errand>();
  errand_->purpose = Errand::Purpose::Leave;
  errand_->client_tag = client_tag;
  Errand::Step step{OwnKind::Examine, {"EXAMINE "}};
  imap::add_string(step.chunks, selected_->name);
  errand_->steps.push_back(std::move(step));
  run_errand();
}

// Sends the next step, if nothing else is under way.
void Session::Impl::run_errand() {
  Errand& errand = *errand_;
  if (errand.next_chunk > 0 || pending_.at_upstream() || !upstream_open_) return;
  const Errand::Step& step = errand.steps[errand.step];
  errand.tag = own_tag();
  errand.answer.emplace(step.kind, errand.tag);
  errand.read_only = false;
  Pending pending;
  pending.tag = errand.tag;
  pending.barrier = pending.own = true;
  pending_.add(std::move(pending));
  last_upstream_ = now_;
  emit(Side::Upstream, errand.tag);
  emit(Side::Upstream, " ");
  send_own_chunk();
}

void Session::Impl::send_own_chunk() {
  Errand& errand = *errand_;
  const std::vector<std::string>& chunks = errand.steps[errand.step].chunks;
  emit(Side::Upstream, chunks[errand.next_chunk++]);
  if (errand.next_chunk == chunks.size()) emit(Side::Upstream, "\r\n");
}

void Session::Impl::own_completed(imap::Status status) {
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
      if (++errand.step < errand.steps.size()) return run_errand();
      errand_.reset();
      return;
    }
    case Errand::Purpose::Count: {
      const filters::Answer answer{status, ok ? errand.answer->count() : std::nullopt};
      const bool abandoned = errand.abandoned;
      errand_.reset();
      if (!abandoned) answered(answer);
      return;
    }
    case Errand::Purpose::Leave:
      break;
  }
  const std::string client_tag = std::move(errand.client_tag);
  const bool read_only = errand.read_only;
  std::unique_ptr<AuditedCommand> audited = std::move(errand.audited);
  errand_.reset();
  // T: an EXAMINE that is refused by NO leaves nothing selected (protocol.md §3): that is what was wanted.
  if (status == imap::Status::No) {
    selected_.reset();
    set_state(telemetry::SessionState::Authenticated);
    count(imap::Verb::Close, telemetry::CommandResult::Ok);
    if (audited) tell_outcome(*audited, audit::CommandResult::None, ErrorCode::Ok);
    return add_answer(client_tag + " OK CLOSE completed\r\n");
  }
  if (!ok || !read_only) {
    if (audited) tell_outcome(*audited, audit::CommandResult::None, ErrorCode::UpstreamMalformed);
    return fault(ErrorCode::UpstreamMalformed, Side::Upstream, "[READ-ONLY] to an EXAMINE", {});
  }
  if (selected_) selected_->read_only = true;
  Pending close;
  close.tag = client_tag;
  close.verb = imap::Verb::Close;
  close.barrier = true;
  if (audited) begin_audited(*audited);
  close.audited = std::move(audited);
  pending_.add(std::move(close));
  last_upstream_ = now_;
  emit(Side::Upstream, client_tag);
  emit(Side::Upstream, " CLOSE\r\n");
}

// The parked command is judged anew by the filter that asked.
void Session::Impl::answered(const filters::Answer& answer) {
  if (!parked_) return;
  const std::unique_ptr<ParkedCommand> parked = std::move(parked_);
  parked_until_ = Instant::max();
  chain_.answer(answer, context());
  if (auditing_) auditing_->expected = answer.count;
  held_was_granted_ = true;
  decide(parked->command());
}

// The upstream does not answer, or the client has been refused meanwhile: the answer will be for nobody.
void Session::Impl::abandon_question() {
  if (!errand_ || errand_->purpose != Errand::Purpose::Count) return;
  if (errand_->next_chunk == 0) {
    errand_.reset();
  } else {
    errand_->abandoned = true;
  }
}

}  // namespace postern::session
