// Relaying, the upstream's half: responses pass as they come; looked at are the completions of pending
// commands, capabilities in every place, BYE, and "+" (protocol.md §1). The gateway's own answers go out
// here, between two responses.
#include <algorithm>
#include <utility>

#include "session/login/capability_line.h"
#include "session/login/verdict.h"
#include "session/relaying/relaying.h"

namespace postern::session {
namespace {

telemetry::CommandResult result_of(imap::Status status) {
  if (status == imap::Status::Ok) return telemetry::CommandResult::Ok;
  return status == imap::Status::No ? telemetry::CommandResult::No : telemetry::CommandResult::Bad;
}

}  // namespace

void Relaying::upstream_response(imap::ResponseEvent event) {
  telling_.watch(event);
  switch (event) {
    case imap::ResponseEvent::NeedMore:
      return;
    case imap::ResponseEvent::Malformed:
      core_.cells().side(Side::Upstream).parse_errors[index_of(telemetry::ParseError::Syntax)].add();
      return core_.fail(core_.upstream_scanner.error(), Side::Upstream, "an IMAP response",
                        core_.upstream_scanner.excerpt());
    case imap::ResponseEvent::Head:
      if (core_.chain.watches_responses())
        core_.chain.on_response(core_.upstream_scanner.response(), context());
      passing_.on = true;
      if (errands_.under_way() && errands_.takes_line(core_.upstream_scanner.response())) {
        passing_.on = false;
        break;
      }
      // `* 5 FETCH …`: most of what a server says, and none of it is the session's business.
      if (core_.upstream_scanner.response().has_number) break;
      switch (core_.upstream_scanner.response().kind) {
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
      if (passing_.on && !core_.ended()) cut_referral();
      break;
    case imap::ResponseEvent::More:
      errands_.feed_line();
      break;
  }
  if (core_.ended()) return;
  if (passing_.on) core_.emit(Side::Client, core_.upstream_scanner.octets());
  core_.mid_response = !core_.upstream_scanner.complete() && passing_.on;
  if (!core_.upstream_scanner.complete()) return;
  telling_.keep_answered_uids(passing_.tag);
  if (!passing_.tag.empty()) complete();
}

// RFC 2221, RFC 2193: the code names a server to go to instead, which is a way round the gateway.
void Relaying::cut_referral() {
  if (!imap::has_code(core_.upstream_scanner.response(), "REFERRAL")) return;
  passing_.on = false;
  core_.say({without_code(core_.upstream_scanner.response())});
}

void Relaying::on_untagged() {
  const imap::Response& response = core_.upstream_scanner.response();
  errands_.hear(response, core_.upstream_scanner.octets());
  if (response.status == imap::Status::Bye) core_.bye_seen = true;
  if (core_.settings().rewrite.id != config::IdPolicy::Pass && equals_ignoring_case(response.keyword, "ID"))
    passing_.on = false;  // the client learns nothing of the upstream's, whoever asked for it
  if (response.status == imap::Status::Ok && imap::has_code(response, "CLOSED")) {
    selected_.reset();  // RFC 9051 §7.1: the old mailbox is left, whatever becomes of the SELECT
    core_.set_state(telemetry::SessionState::Authenticated);
  }
  if (const auto edited = with_edited_list(core_.settings(), response, core_.upstream_scanner.octets())) {
    passing_.on = false;
    core_.say({*edited});
  }
  if (response.status == imap::Status::Ok && selected_ && imap::has_code(response, "READ-WRITE"))
    selected_->read_only = false;
  if (equals_ignoring_case(response.keyword, "ENABLED")) cut_enabled();
}

// `* ENABLED …` without the words that are hidden. An over-long line is passed as it is: no client has asked
// for that much.
void Relaying::cut_enabled() {
  const Octets whole = core_.upstream_scanner.octets();
  if (!core_.upstream_scanner.complete() || whole.size() > imap::ResponseScanner::kHeadBytes) return;
  const Octets keyword = core_.upstream_scanner.response().keyword;
  const auto at = static_cast<std::size_t>(keyword.data() + keyword.size() - whole.data());
  const Octets words = without_line_end(whole.substr(at));
  const ShownWords shown = shown_words(words);
  errands_.hear_enabled(words);
  if (!shown.cut) return;
  passing_.on = false;
  core_.say({"* ENABLED", shown.words, "\r\n"});
}

void Relaying::on_continuation() {
  passing_.on = false;
  if (idle_ == IdleState::Waiting) {
    idle_ = IdleState::Active;
    core_.set_state(telemetry::SessionState::Idle);
    passing_.on = true;
    return;
  }
  if (errands_.takes_plus()) return;
  if (!sending_) return;  // nobody awaits it: not passed on
  Sending& sending = *sending_;
  switch (sending.stage) {
    case Sending::Stage::Announcing:
      if (sending.next_chunk < sending.program.chunks.size())
        core_.emit(Side::Upstream, sending.program.chunks[sending.next_chunk++]);
      if (sending.is_announced()) sending.stage = Sending::Stage::AwaitingPlus;
      return;
    case Sending::Stage::AwaitingPlus:
      sending.stage = Sending::Stage::Streaming;
      passing_.on = sending.client_waits;  // so it learns of it, too
      return;
    case Sending::Stage::Aborting:
      if (sending.next_chunk++ == 1) core_.emit(Side::Upstream, "\r\n");
      return;
    case Sending::Stage::Streaming:
    case Sending::Stage::BetweenParts:
      return;  // likewise
  }
}

void Relaying::on_tagged() {
  const imap::Response& response = core_.upstream_scanner.response();
  const Octets whole = core_.upstream_scanner.octets();
  Pending* pending = core_.pending.find(response.tag);
  if (pending == nullptr) {
    passing_.on = false;
    return core_.fail(ErrorCode::UpstreamUnknownTag, Side::Upstream, "the tag of a pending command", whole);
  }
  if (sending_ && sending_->is_inside() && sending_->tag == response.tag) {
    // The upstream has answered, but still counts octets of a literal, or waits for the rest of the command:
    // what it takes for a command next is unknown.
    return core_.fail(ErrorCode::UpstreamMalformed, Side::Upstream, "no answer inside of a literal", whole);
  }
  const bool own = pending->kind == Pending::Kind::Own;
  if (own) {
    passing_.on = false;
    errands_.takes_verdict(response);
  } else if (pending->muted) {
    passing_.on = false;
    if (response.status == imap::Status::Ok)
      return core_.fail(ErrorCode::UpstreamMalformed, Side::Upstream, "NO or BAD to a broken APPEND", whole);
  } else if (const auto edited = with_edited_list(core_.settings(), response, whole)) {
    passing_.on = false;
    core_.say({*edited});
  }
  passing_.tag = response.tag;
  passing_.status = response.status;
  if (pending->audited) {
    Octets code = response.code;
    pending->audited->command.code = take_word(code);
  }
  if (!own) track_selected(pending->verb, response);
}

// A completion has been passed on whole: the command is over.
void Relaying::complete() {
  const std::string tag = std::exchange(passing_.tag, {});
  const Pending* const pending = core_.pending.find(tag);
  const imap::Verb verb = pending->verb;
  const bool own = pending->kind == Pending::Kind::Own;
  if (pending->audited) telling_.outcome(*pending->audited, passing_.status);
  core_.pending.remove(tag);
  if (own) {
    Errands::Result result = errands_.completed(passing_.status);
    if (const auto* answer = std::get_if<filters::Answer>(&result)) return counted(*answer);
    if (auto* what = std::get_if<Errands::Left>(&result)) left(std::move(*what));
    return;
  }
  core_.count(verb, result_of(passing_.status));
  if (verb == imap::Verb::Idle) {
    // It ended, or was refused, without the client's DONE: that may still be under way.
    stray_done_ = idle_ == IdleState::Waiting || idle_ == IdleState::Active;
    idle_ = IdleState::None;
    core_.set_state(selected_ ? telemetry::SessionState::Selected : telemetry::SessionState::Authenticated);
  }
  if (sending_ && sending_->tag == tag) {
    // Refused instead of "+": the literal is over, and the client's octets for it are swallowed.
    if (sending_->further) return end_append(sending_->aborted);
    const bool body_unsent = sending_->body;
    sending_.reset();
    flush_answers();
    if (body_unsent) swallow({});
  }
  if (verb == imap::Verb::Logout && passing_.status == imap::Status::Ok) {
    core_.bye_seen = true;  // whether it was said or not: behind the OK it would be a second story
    return core_.end(ErrorCode::Logout);
  }
}

void Relaying::track_selected(imap::Verb verb, const imap::Response& response) {
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
  core_.set_state(selected_ ? telemetry::SessionState::Selected : telemetry::SessionState::Authenticated);
}

bool Relaying::is_hidden(Octets capability) const {
  const auto& rewrite = core_.settings().rewrite;
  if (imap::has_capability(rewrite.hide_capabilities, capability)) return true;
  if (imap::has_capability(rewrite.add_capabilities, capability)) return false;
  const imap::CapabilityRow* row = imap::find_capability(capability);
  return row == nullptr || row->verdict == imap::CapabilityVerdict::Hide;
}

}  // namespace postern::session
