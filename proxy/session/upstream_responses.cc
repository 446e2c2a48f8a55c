// Relaying, the upstream's half: responses pass as they come; looked at are the completions of pending
// commands, capabilities in every place, BYE, and "+" (protocol.md §1). The gateway's own answers go out
// here, between two responses.
#include <algorithm>
#include <utility>

#include "session/capability_line.h"
#include "session/impl.h"
#include "session/verdict.h"

namespace postern::session {
namespace {

telemetry::CommandResult result_of(imap::Status status) {
  if (status == imap::Status::Ok) return telemetry::CommandResult::Ok;
  return status == imap::Status::No ? telemetry::CommandResult::No : telemetry::CommandResult::Bad;
}

}  // namespace

void Session::Impl::upstream_response(imap::ResponseEvent event) {
  const bool is_response = event == imap::ResponseEvent::Head || event == imap::ResponseEvent::More;
  if (auditing_ && is_response) watch_response(event);
  switch (event) {
    case imap::ResponseEvent::NeedMore:
      return;
    case imap::ResponseEvent::Malformed:
      cells().side(Side::Upstream).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
      return fault(upstream_scanner_.error(), Side::Upstream, "an IMAP response",
                   upstream_scanner_.excerpt());
    case imap::ResponseEvent::Head:
      if (chain_.watches_responses()) chain_.on_response(upstream_scanner_.response(), context());
      passing_.on = true;
      if (errand_ && takes_own_line()) break;
      // `* 5 FETCH …`: most of what a server says, and none of it is the session's business.
      if (upstream_scanner_.response().has_number) break;
      switch (upstream_scanner_.response().kind) {
        case imap::ResponseKind::Untagged:
          on_untagged();
          break;
        case imap::ResponseKind::Continuation:
          on_continuation();
          break;
        case imap::ResponseKind::Tagged:
          on_tagged();
          break;
      }
      if (passing_.on && !closing_) cut_referral();
      break;
    case imap::ResponseEvent::More:
      if (errand_ && errand_->line_taken)
        errand_->answer->feed(upstream_scanner_.octets(), upstream_scanner_.complete());
      break;
  }
  if (closing_) return;
  if (passing_.on) emit(Side::Client, upstream_scanner_.octets());
  passing_.incomplete = !upstream_scanner_.complete() && passing_.on;
  if (!upstream_scanner_.complete()) return;
  if (auditing_) keep_answered_uids();
  if (!passing_.tag.empty()) complete();
}

// An untagged line that answers a command of the gateway's own.
bool Session::Impl::takes_own_line() {
  const imap::Response& response = upstream_scanner_.response();
  errand_->line_taken = response.kind == imap::ResponseKind::Untagged && errand_->next_chunk > 0 &&
                        errand_->answer->takes(response, upstream_scanner_.octets());
  if (!errand_->line_taken) return false;
  passing_.on = false;
  naming_.learn(response, upstream_scanner_.octets());
  errand_->answer->feed(upstream_scanner_.octets(), upstream_scanner_.complete());
  return true;
}

// RFC 2221, RFC 2193: the code names a server to go to instead, which is a way round the gateway.
void Session::Impl::cut_referral() {
  if (!imap::has_code(upstream_scanner_.response(), "REFERRAL")) return;
  passing_.on = false;
  say({without_code(upstream_scanner_.response())});
}

void Session::Impl::on_untagged() {
  const imap::Response& response = upstream_scanner_.response();
  naming_.learn(response, upstream_scanner_.octets());
  if (response.status == imap::Status::Bye) bye_seen_ = true;
  if (settings().rewrite.id != config::IdPolicy::Pass && equals_ignoring_case(response.keyword, "ID"))
    passing_.on = false;  // the client learns nothing of the upstream's, whoever asked for it
  if (response.status == imap::Status::Ok && imap::has_code(response, "CLOSED")) {
    selected_.reset();  // RFC 9051 §7.1: the old mailbox is left, whatever becomes of the SELECT
    set_state(telemetry::SessionState::Authenticated);
  }
  if (const auto list = listed_capabilities(response, upstream_scanner_.octets())) {
    passing_.on = false;
    say({with_capabilities(response, upstream_scanner_.octets(), edited_capabilities(*list))});
  }
  if (response.status == imap::Status::Ok && selected_ && imap::has_code(response, "READ-WRITE"))
    selected_->read_only = false;
  if (equals_ignoring_case(response.keyword, "ENABLED")) cut_enabled();
}

// `* ENABLED …` without the words that are hidden. An over-long line is passed as it is: no client has asked
// for that much.
void Session::Impl::cut_enabled() {
  const Octets whole = upstream_scanner_.octets();
  if (!upstream_scanner_.complete() || whole.size() > imap::ResponseScanner::kHeadBytes) return;
  const Octets keyword = upstream_scanner_.response().keyword;
  const auto at = static_cast<std::size_t>(keyword.data() + keyword.size() - whole.data());
  Octets words = without_line_end(whole.substr(at));
  const ShownWords shown = shown_words(words);
  while (!words.empty())
    abilities_.uid_only = equals_ignoring_case(take_word(words), "UIDONLY") || abilities_.uid_only;
  if (!shown.cut) return;
  passing_.on = false;
  say({"* ENABLED", shown.words, "\r\n"});
}

void Session::Impl::on_continuation() {
  passing_.on = false;
  if (idle_ == IdleState::Waiting) {
    idle_ = IdleState::Active;
    set_state(telemetry::SessionState::Idle);
    passing_.on = true;
    return;
  }
  if (errand_ && errand_->next_chunk > 0 && errand_->next_chunk < errand_->steps[errand_->step].chunks.size())
    return send_own_chunk();
  if (!sending_ || sending_->streaming) return;  // nobody awaits it: not passed on
  if (sending_->aborting) {
    if (sending_->next_chunk++ == 1) emit(Side::Upstream, "\r\n");
    return;
  }
  if (sending_->next_chunk < sending_->program.chunks.size())
    return emit(Side::Upstream, sending_->program.chunks[sending_->next_chunk++]);
  if (!sending_->body) return;
  sending_->streaming = true;
  passing_.on = sending_->body_synchronising;  // the client waits for it, too
}

void Session::Impl::on_tagged() {
  const imap::Response& response = upstream_scanner_.response();
  const Octets whole = upstream_scanner_.octets();
  Pending* pending = pending_.find(response.tag);
  if (pending == nullptr) {
    passing_.on = false;
    return fault(ErrorCode::UpstreamUnknownTag, Side::Upstream, "the tag of a pending command", whole);
  }
  const bool part_is_held = parked_ && parked_->command().tag.empty();
  if (sending_ && (sending_->streaming || part_is_held) && sending_->tag == response.tag) {
    // The upstream has answered, but still counts octets of a literal, or waits for the rest of the command:
    // what it takes for a command next is unknown.
    return fault(ErrorCode::UpstreamMalformed, Side::Upstream, "no answer inside of a literal", whole);
  }
  if (pending->own) {
    passing_.on = false;
    errand_->read_only = imap::has_code(response, "READ-ONLY");
  } else if (pending->muted) {
    passing_.on = false;
    if (response.status == imap::Status::Ok)
      return fault(ErrorCode::UpstreamMalformed, Side::Upstream, "NO or BAD to a broken APPEND", whole);
  } else if (const auto list = listed_capabilities(response, whole)) {
    passing_.on = false;
    say({with_capabilities(response, whole, edited_capabilities(*list))});
  }
  passing_.tag = response.tag;
  passing_.status = response.status;
  if (pending->audited) {
    Octets code = response.code;
    pending->audited->told.code = take_word(code);
  }
  if (!pending->own) track_selected(pending->verb, response);
}

// A completion has been passed on whole: the command is over.
void Session::Impl::complete() {
  const std::string tag = std::exchange(passing_.tag, {});
  const Pending* const pending = pending_.find(tag);
  const imap::Verb verb = pending->verb;
  const bool own = pending->own;
  if (pending->audited) tell_outcome(*pending->audited, passing_.status);
  pending_.remove(tag);
  if (own) return own_completed(passing_.status);
  count(verb, result_of(passing_.status));
  if (verb == imap::Verb::Idle) {
    // It ended, or was refused, without the client's DONE: that may still be under way.
    stray_done_ = idle_ == IdleState::Waiting || idle_ == IdleState::Active;
    idle_ = IdleState::None;
    set_state(selected_ ? telemetry::SessionState::Selected : telemetry::SessionState::Authenticated);
  }
  if (sending_ && sending_->tag == tag) {
    // Refused instead of "+": the literal is over, and the client's octets for it are swallowed.
    const bool body_unsent = sending_->body;
    sending_.reset();
    flush_answers();
    if (body_unsent) swallow({});
  }
  if (verb == imap::Verb::Logout && passing_.status == imap::Status::Ok) {
    bye_seen_ = true;  // whether it was said or not: behind the OK it would be a second story
    return end(ErrorCode::Logout);
  }
}

void Session::Impl::track_selected(imap::Verb verb, const imap::Response& response) {
  const imap::Status status = response.status;
  if (verb == imap::Verb::Select || verb == imap::Verb::Examine) {
    // T: a BAD leaves the old mailbox selected (protocol.md §3).
    if (status == imap::Status::Bad) return;
    selected_.reset();
    if (status == imap::Status::Ok)
      selected_ = {std::exchange(opening_, {}), imap::has_code(response, "READ-ONLY")};
  } else if ((verb == imap::Verb::Close || verb == imap::Verb::Unselect) && status == imap::Status::Ok) {
    selected_.reset();
  } else {
    return;
  }
  set_state(selected_ ? telemetry::SessionState::Selected : telemetry::SessionState::Authenticated);
}

std::string Session::Impl::edited_capabilities(Octets list) const {
  const imap::CapabilityEdit edit{settings().rewrite.hide_capabilities, settings().rewrite.add_capabilities,
                                  settings().limits.literal};
  return imap::capabilities_after_login(imap::parse_capabilities(list), edit);
}

bool Session::Impl::is_hidden(Octets capability) const {
  const auto& rewrite = settings().rewrite;
  if (imap::has_capability(rewrite.hide_capabilities, capability)) return true;
  if (imap::has_capability(rewrite.add_capabilities, capability)) return false;
  const imap::CapabilityRow* row = imap::find_capability(capability);
  return row == nullptr || row->verdict == imap::CapabilityVerdict::Hide;
}

void Session::Impl::flush_answers() {
  if (!pending_.has_answer()) return;
  std::string answer;
  while (!passing_.incomplete && pending_.take_answer(answer)) say({answer});
}

}  // namespace postern::session
