#include "imap/response_scanner.h"

#include <algorithm>
#include <utility>

#include "imap/grammar.h"

namespace postern::imap {
namespace {

constexpr std::size_t kExcerptOctets = 16;

Status status_of(Octets word) noexcept {
  if (equals_ignoring_case(word, "OK")) return Status::Ok;
  if (equals_ignoring_case(word, "NO")) return Status::No;
  if (equals_ignoring_case(word, "BAD")) return Status::Bad;
  if (equals_ignoring_case(word, "BYE")) return Status::Bye;
  if (equals_ignoring_case(word, "PREAUTH")) return Status::Preauth;
  return Status::None;
}

// Everywhere in the grammar of responses a string is followed by one of these (RFC 9051 §9; the opening
// bracket for servers that forget a blank). Anything else: the literal was shorter or longer than it was
// announced.
bool may_follow_literal(char c) noexcept {
  return c == ' ' || c == ')' || c == '(' || c == '\r' || c == '\n';
}

bool parse_number(Octets digits, std::uint64_t& number) noexcept {
  if (digits.empty() || digits.size() > 19) return false;  // 2^63 has 19 digits
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!grammar::is(c, grammar::kDigit)) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > kNumber64Max) return false;
  number = value;
  return true;
}

}  // namespace

ResponseEvent ResponseScanner::next(Octets& in) {
  if (release_) release();
  octets_ = {};
  complete_ = false;
  switch (state_) {
    case State::Start:
      if (in.empty()) return ResponseEvent::NeedMore;
      return held_.empty() ? start_in_place(in) : start_held(in);
    case State::Line:
    case State::Literal:
      if (in.empty()) return ResponseEvent::NeedMore;
      return emit(ResponseEvent::More, in, 0);
    case State::Broken:
      break;
  }
  return fail(error_, in);
}

void ResponseScanner::release() noexcept {
  if (!release_) return;
  release_ = false;
  held_.clear();
  response_ = {};
  octets_ = {};
}

// The usual way: the line begins at the front of the input.
ResponseEvent ResponseScanner::start_in_place(Octets& in) {
  const std::size_t end = in.find('\n');
  const bool ended = end != Octets::npos;
  const Octets line = ended ? in.substr(0, end + 1) : in;
  if (!ended && line.size() < kHeadBytes) {
    held_.append(line, kHeadBytes);
    in = {};
    return ResponseEvent::NeedMore;
  }
  const bool whole = ended && line.size() <= kHeadBytes;
  if (!classify(line.substr(0, kHeadBytes), whole)) return fail(ErrorCode::UpstreamMalformed, line);
  if (!whole && gather_limit_ == 0) {
    state_ = State::Line;
    fresh_ = true;
    return emit(ResponseEvent::Head, in, 0);
  }
  if (!whole) {
    if (line.size() > gather_limit_) return fail(ErrorCode::UpstreamLineTooLong, line);
    if (!ended) {
      held_.append(line, gather_limit_);
      gathering_ = true;
      in = {};
      return ResponseEvent::NeedMore;
    }
    classify(line, true);
  }
  if (!judge_whole_line(line)) return fail(ErrorCode::UpstreamMalformed, line);
  return emit(ResponseEvent::Head, in, line.size());
}

// The line's beginning came with an earlier input.
ResponseEvent ResponseScanner::start_held(Octets& in) {
  while (!in.empty()) {
    const std::size_t most = gathering_ ? gather_limit_ : kHeadBytes;
    const std::size_t end = in.find('\n');
    const std::size_t wanted = end == Octets::npos ? in.size() : end + 1;
    const std::size_t taken = std::min(wanted, most - held_.size());
    if (taken == 0) return fail(ErrorCode::UpstreamLineTooLong, held_.view());
    held_.append(in.substr(0, taken), most);
    in.remove_prefix(taken);
    const bool ended = held_.view().back() == '\n';
    if (!ended && (gathering_ || held_.size() < most)) continue;
    if (!classify(held_.view(), ended)) return fail(ErrorCode::UpstreamMalformed, held_.view());
    if (ended || gather_limit_ == 0) return emit_held(ended);
    gathering_ = true;
  }
  return ResponseEvent::NeedMore;
}

ResponseEvent ResponseScanner::emit_held(bool line_ended) noexcept {
  octets_ = held_.view();
  release_ = true;
  gathering_ = false;
  if (line_ended) {
    if (!judge_whole_line(octets_)) return fail(ErrorCode::UpstreamMalformed, octets_);
    complete_ = state_ == State::Start;
    return ResponseEvent::Head;
  }
  state_ = State::Line;
  fresh_ = false;
  if (!opaque_) tail_.feed(octets_);
  return ResponseEvent::Head;
}

// One range of the input, as far as this response goes; its first `from` octets are already judged.
ResponseEvent ResponseScanner::emit(ResponseEvent event, Octets& in, std::size_t from) noexcept {
  const std::size_t end = walk(in, from);
  if (end == 0) return fail(error_, in);
  octets_ = in.substr(0, end);
  in.remove_prefix(end);
  complete_ = state_ == State::Start;
  return event;
}

// Runs through lines and literals up to the response's end, the input's end, or to before the line end behind
// which the framing is lost. Literals are not read.
std::size_t ResponseScanner::walk(Octets in, std::size_t from) noexcept {
  std::size_t at = from;
  while (at < in.size() && (state_ == State::Line || state_ == State::Literal)) {
    if (state_ == State::Literal) {
      const std::uint64_t taken = std::min<std::uint64_t>(remaining_, in.size() - at);
      at += taken;
      remaining_ -= taken;
      if (remaining_ == 0) {
        state_ = State::Line;
        fresh_ = behind_literal_ = true;
      }
      continue;
    }
    if (std::exchange(behind_literal_, false) && !may_follow_literal(in[at])) {
      state_ = State::Broken;
      error_ = ErrorCode::UpstreamMalformed;
      return at;
    }
    const std::size_t end = in.find('\n', at);
    const Octets line = in.substr(at, end == Octets::npos ? end : end - at);
    if (end == Octets::npos) {
      if (!opaque_) tail_.feed(line);
      fresh_ = false;
      return in.size();
    }
    if (!opaque_) fresh_ ? judge_at_once(line) : tail_.feed(line);
    if (!end_line()) return end;
    at = end + 1;
  }
  return at;
}

bool ResponseScanner::judge_whole_line(Octets line) noexcept {
  if (!opaque_) judge_at_once(line.substr(0, line.size() - 1));
  return end_line();
}

// A line that lies here whole has to be read only if it could end in a literal, and only its end unless there
// are quotes in it.
void ResponseScanner::judge_at_once(Octets line) noexcept {
  if (!without_line_end(line).ends_with('}')) return;
  const std::size_t brace = line.rfind('{');
  if (brace == Octets::npos) return;
  tail_.feed(line.find('"') == Octets::npos ? line.substr(brace) : line);
}

// A line's LF was read: what comes behind it?
bool ResponseScanner::end_line() noexcept {
  const LineTail tail = tail_;
  tail_ = {};
  if (!tail.ends_in_literal()) {
    state_ = State::Start;
    return true;
  }
  if (tail.quoted || tail.odd) {
    state_ = State::Broken;
    error_ = ErrorCode::UpstreamMalformed;
    return false;
  }
  remaining_ = tail.value;
  behind_literal_ = tail.value == 0;
  state_ = tail.value == 0 ? State::Line : State::Literal;
  fresh_ = true;
  return true;
}

ResponseEvent ResponseScanner::fail(ErrorCode code, Octets at) noexcept {
  error_ = code;
  state_ = State::Broken;
  complete_ = false;
  octets_ = at.substr(0, kExcerptOctets);
  return ResponseEvent::Malformed;
}

bool ResponseScanner::classify(Octets line, bool whole) noexcept {
  response_ = {};
  opaque_ = false;
  gather_limit_ = 0;
  line = without_line_end(line);
  if (line.empty()) return false;
  if (line.front() == '+') {
    response_.kind = ResponseKind::Continuation;
    opaque_ = true;
    gather_limit_ = kContinuationBytes;
    response_.text = line.substr(1);
    if (response_.text.starts_with(' ')) response_.text.remove_prefix(1);
    return true;
  }
  if (line.front() == '*') {
    if (line.size() < 2 || line[1] != ' ') return false;
    Octets rest = line.substr(2);
    if (!rest.empty() && grammar::is(rest.front(), grammar::kDigit)) {
      const Octets number = take_word(rest);  // it moves `rest`: not within the call
      classify_untagged(number, rest);        // the shortest way: most of what a server says
      return true;
    }
    const Octets word = take_word(rest);
    if (!classify_status(word, rest, whole)) classify_untagged(word, rest);
    choose_gathering();
    return true;
  }
  const std::size_t tag = grammar::run(line, grammar::kTag);
  if (tag == 0 || tag > kTagOctets || tag == line.size() || line[tag] != ' ') return false;
  response_.kind = ResponseKind::Tagged;
  response_.tag = line.substr(0, tag);
  Octets rest = line.substr(tag + 1);
  const Octets word = take_word(rest);
  if (!classify_status(word, rest, whole)) return false;
  choose_gathering();
  // response-tagged = tag SP resp-cond-state: only these three complete a command (RFC 9051 §7.1)
  return response_.status == Status::Ok || response_.status == Status::No || response_.status == Status::Bad;
}

bool ResponseScanner::classify_status(Octets word, Octets rest, bool whole) noexcept {
  response_.status = status_of(word);
  if (response_.status == Status::None) return false;
  opaque_ = true;
  response_.text = rest;
  if (!rest.starts_with('[')) return true;
  const std::size_t end = rest.find(']');
  if (end == Octets::npos) {
    if (whole) return true;  // an unclosed bracket is text
    response_.code = rest.substr(1);
    response_.text = {};
    return true;
  }
  response_.code = rest.substr(1, end - 1);
  response_.text = rest.substr(end + 1);
  if (response_.text.starts_with(' ')) response_.text.remove_prefix(1);
  return true;
}

void ResponseScanner::classify_untagged(Octets word, Octets rest) noexcept {
  response_.keyword = word;
  if (rest.empty() || !parse_number(response_.keyword, response_.number)) return;
  response_.has_number = true;
  response_.keyword = take_word(rest);
}

void ResponseScanner::choose_gathering() noexcept {
  constexpr Octets kCapability = "CAPABILITY";
  Octets code = response_.code;
  const bool data = !response_.has_number && equals_ignoring_case(response_.keyword, kCapability);
  if (data || equals_ignoring_case(take_word(code), kCapability)) gather_limit_ = kGatherBytes;
}

void ResponseScanner::LineTail::feed(Octets octets) noexcept {
  for (const char c : octets) {
    if (quoted) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    }
    if (phase != Phase::None || c == '{') step(c);
  }
}

void ResponseScanner::LineTail::step(char c) noexcept {
  if (c == '{') {
    phase = Phase::Open;
    zero_first = odd = false;
    value = 0;
    return;
  }
  const Phase before = phase;
  phase = Phase::None;
  switch (before) {
    case Phase::None:
      break;
    case Phase::Open:
      if (!grammar::is(c, grammar::kDigit)) break;
      zero_first = c == '0';
      digit(c);
      break;
    case Phase::Digits:
      if (grammar::is(c, grammar::kDigit)) {
        odd = odd || zero_first;
        digit(c);
      } else if (c ==
                 '+') {  // no server may send {n+} (RFC 7888 §4); some reader could take it for a literal
        odd = true;
        phase = Phase::Plus;
      } else if (c == '}') {
        phase = Phase::Closed;
      }
      break;
    case Phase::Plus:
      if (c == '}') phase = Phase::Closed;
      break;
    case Phase::Closed:
      if (c == '\r') phase = Phase::ClosedCr;
      break;
    case Phase::ClosedCr:
      break;
  }
}

void ResponseScanner::LineTail::digit(char c) noexcept {
  phase = Phase::Digits;
  const auto n = static_cast<std::uint64_t>(c - '0');
  if (value > (kNumber64Max - n) / 10) {
    odd = true;
  } else {
    value = value * 10 + n;
  }
}

}  // namespace postern::imap
