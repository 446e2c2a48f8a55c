#include "imap/command_scanner.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "imap/grammar.h"

namespace postern::imap {

namespace {

using grammar::kAtom;
using grammar::kTag;

bool may_follow_literal(char c) noexcept { return c == ' ' || c == ')' || c == '\r' || c == '\n'; }

}  // namespace

CommandEvent CommandScanner::next(Octets& in) {
  at_stop_ = false;
  if (settle_) settle();
  for (;;) {
    bool again = false;
    CommandEvent event = CommandEvent::NeedMore;
    switch (state_) {
      case State::Line:
        event = read_line(in, again);
        break;
      case State::Argument:
        event = read_argument(in, again);
        break;
      case State::Body:
        event = read_body(in);
        break;
      case State::Skip:
        event = skip(in, again);
        break;
      case State::Swallowed:
        event = end_swallowing();
        break;
      case State::Broken:
        event = fail(error_);
        break;
    }
    if (!again) return event;
  }
}

CommandEvent CommandScanner::next_line(Octets& in, std::size_t limit) {
  at_stop_ = false;
  if (settle_) settle();
  if (state_ == State::Broken) return fail(error_);
  if (state_ != State::Line || !first_) return fail(ErrorCode::Internal);
  Octets line;
  switch (take_line(in, limit, line)) {
    case Taken::Part:
      return CommandEvent::NeedMore;
    case Taken::TooLong:
      return fail(ErrorCode::LineTooLong);
    case Taken::Line:
      break;
  }
  for (const char c : line) {
    if (c == '\r') return fail(ErrorCode::BareCarriageReturn);
    if (c == '\0') return fail(ErrorCode::NulOctet);
  }
  octets_ = line;
  settle_ = true;
  return CommandEvent::Line;
}

void CommandScanner::refuse() noexcept {
  if (state_ == State::Broken) return;
  if (at_stop_) {
    state_ = State::Swallowed;
    return;
  }
  if (at_boundary()) return;
  refused_ = true;
  if (state_ == State::Argument) held_.truncate(line_start_);
  if (state_ == State::Argument || state_ == State::Body) state_ = State::Skip;
}

CommandEvent CommandScanner::read_line(Octets& in, bool& again) {
  if (in.empty()) return CommandEvent::NeedMore;
  if (behind_literal_ && in_place() && !may_follow_literal(in.front()))
    return fail(ErrorCode::MalformedLiteral);
  Octets line;
  switch (take_line(in, line_room(in), line)) {
    case Taken::Part:
      return CommandEvent::NeedMore;
    case Taken::TooLong:
      return fail(ErrorCode::LineTooLong);
    case Taken::Line:
      break;
  }
  if (first_ && !refused_ && next_stop(line, 0) == line.size()) return judge_plain_command(line);
  return judge_line(line, again);
}

// How long the line may be that begins in held_, or else in `in`. It is looked into only where it matters: at
// a first line that could be longer than an ordinary one.
std::size_t CommandScanner::line_room(Octets in) const noexcept {
  const std::size_t room = limits_.line - std::min(used_, limits_.line);
  const Octets held = held_.view().substr(line_start_);
  if (!first_ || limits_.authenticate <= room || held.size() + in.size() <= room) return room;
  constexpr Octets kName = " AUTHENTICATE ";
  std::array<char, kTagOctets + kName.size()> beginning{};
  const std::size_t from_held = held.copy(beginning.data(), beginning.size());
  const std::size_t from_in = in.copy(beginning.data() + from_held, beginning.size() - from_held);
  const Octets line(beginning.data(), from_held + from_in);
  const std::size_t tag = grammar::run(line, kTag);
  return starts_ignoring_case(line.substr(tag), kName) ? limits_.authenticate : room;
}

// The next line, at most `room` octets long, in place if all of it is in the input. What is incomplete is
// held, at most one octet more than `room`, since a CR may belong to the line's end.
CommandScanner::Taken CommandScanner::take_line(Octets& in, std::size_t room, Octets& line) {
  const std::size_t held = held_.size() - line_start_;
  const std::size_t end = in.find('\n');
  if (held + std::min(end, in.size()) > room + 1) return Taken::TooLong;
  if (end == Octets::npos) {
    if (!in.empty() && held + in.size() > room && in.back() != '\r') return Taken::TooLong;
    held_.append(in, line_start_ + room + 1);
    in = {};
    return Taken::Part;
  }
  line = in.substr(0, end);
  in.remove_prefix(end + 1);
  if (held > 0) {
    held_.append(line, line_start_ + room + 1);
    line = held_.view().substr(line_start_);
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.size() > room ? Taken::TooLong : Taken::Line;
}

CommandEvent CommandScanner::judge_line(Octets line, bool& again) {
  const CommandLine scan = scan_command_line(line, first_ ? line.find(' ') : 0, depth_);
  if (scan.error != ErrorCode::Ok) return fail(scan.error);
  used_ += line.size();
  behind_literal_ = false;
  if (scan.literal) {
    line = line.substr(0, scan.literal_at);
  } else if (line.ends_with(' ')) {
    line.remove_suffix(1);
  }
  const bool head = first_;
  first_ = false;
  if (!refused_ && ((head && !parse_head(line, scan.literal)) || !fits(line, scan, head))) {
    if (part_) return fail(ErrorCode::MalformedCommand);  // what the upstream has of it cannot be taken back
    begin_swallowing(line);
  }
  if (refused_) return swallow_line(scan, again);
  if (!scan.literal) return finish_unit(line);
  if (place_ == CommandGrammar::Place::Message) return announce_body(line, scan);
  return announce_argument(line, scan, again);
}

// The lexical rules for all, and a verb's own grammar where it carries a literal. LOGIN is decoded and
// written anew, whatever its password is made of.
bool CommandScanner::fits(Octets line, const CommandLine& scan, bool head) noexcept {
  place_ = CommandGrammar::Place::Argument;
  if (verb_ == Verb::Login) return true;
  if (scan.odd || (scan.literal ? scan.digits : depth_ > 0)) return false;
  if (head && !scan.literal) return !scan.number || numbers_fit(line);
  if (head) grammar_.begin(verb_, forms_);
  place_ = grammar_.read(head ? line.substr(shape_.args_at) : line, scan.literal ? &scan.info : nullptr);
  return place_ != CommandGrammar::Place::Misfit;
}

// The usual way: a whole command in one line, without quotes or literals. Nothing of what reset() resets has
// been touched.
CommandEvent CommandScanner::judge_plain_command(Octets line) {
  if (line.ends_with(' ')) line.remove_suffix(1);
  if (!parse_head(line, false) || (has_endless_number(line.substr(shape_.args_at)) && !numbers_fit(line))) {
    begin_swallowing(line);
    return end_swallowing();
  }
  publish(line);
  settle_ = at_stop_ = true;
  return CommandEvent::Head;
}

// A word of too many digits: the verb's grammar says whether a number stands there. Where it says nothing the
// word may be one.
bool CommandScanner::numbers_fit(Octets line) noexcept {
  if (verb_ == Verb::Login || verb_ == Verb::Authenticate) return true;
  grammar_.begin(verb_, forms_);
  return grammar_.read(line.substr(shape_.args_at), nullptr) != CommandGrammar::Place::Misfit;
}

// tag SP name [SP args], or tag SP "UID" SP name [SP args]; exactly one SP each (protocol.md §1).
bool CommandScanner::parse_head(Octets line, bool literal_follows) noexcept {
  shape_ = {};
  verb_ = Verb::Unknown;
  uid_ = false;
  const std::size_t tag = grammar::run(line, kTag);
  if (tag == 0 || tag > kTagOctets || (tag < line.size() && line[tag] != ' ')) return false;
  shape_.tag_size = tag;
  if (tag == line.size()) return false;
  std::size_t at = tag + 1;
  std::size_t size = grammar::run(line.substr(at), kAtom);
  if (size == 3 && equals_ignoring_case(line.substr(at, size), "UID")) {
    at += size;
    if (at == line.size() || line[at] != ' ') return false;
    ++at;
    size = grammar::run(line.substr(at), kAtom);
    uid_ = true;
  }
  if (size == 0) return false;
  shape_.name_at = at;
  shape_.name_size = size;
  verb_ = verb_of(line.substr(at, size));
  // DONE ends IDLE by a line without a tag; as a command's name it means nothing.
  if (verb_ == Verb::Done || (uid_ && !takes_uid(verb_))) verb_ = Verb::Unknown;
  at += size;
  if (at == line.size()) {
    shape_.args_at = at;
    return !literal_follows;
  }
  if (line[at] != ' ') return false;
  ++at;
  shape_.args_at = at;
  if (at == line.size()) return literal_follows;  // else two blanks at the end
  return line[at] != ' ';
}

// A command that is malformed: its extent is certain all the same, so its {n+} literals are swallowed with
// it. The tag is kept for the answer.
void CommandScanner::begin_swallowing(Octets line) {
  if (held_.empty()) {
    held_.append(line.substr(0, shape_.tag_size), held_most());
  } else {
    held_.truncate(shape_.tag_size);
  }
  line_start_ = shape_.tag_size;
  refused_ = malformed_ = true;
}

CommandEvent CommandScanner::swallow_line(const CommandLine& scan, bool& again) {
  held_.truncate(line_start_);
  // Nobody will ask for a synchronising literal: the answer takes the place of "+" (RFC 9051 §4.3).
  if (!scan.literal || scan.info.synchronising) return end_swallowing();
  remaining_ = scan.info.size;
  state_ = State::Skip;
  again = true;
  return CommandEvent::NeedMore;
}

CommandEvent CommandScanner::end_swallowing() noexcept {
  const CommandEvent event = malformed_ ? CommandEvent::Malformed : CommandEvent::Swallowed;
  publish({});
  if (malformed_) {
    command_.tag = held_.view().substr(0, line_start_);
    error_ = ErrorCode::MalformedCommand;
    certain_ = true;
  }
  reset();
  settle_ = true;
  return event;
}

// All of the present head or part up to the end of `line`, which is the present line or its beginning.
Octets CommandScanner::unit_text(Octets line) {
  if (line_start_ == 0) return line;
  if (in_place()) held_.append(line, held_most());
  return held_.view().substr(0, line_start_ + line.size());
}

CommandEvent CommandScanner::finish_unit(Octets line) {
  publish(unit_text(line));
  const CommandEvent event = part_ ? CommandEvent::End : CommandEvent::Head;
  reset();
  settle_ = at_stop_ = true;
  return event;
}

CommandEvent CommandScanner::announce_body(Octets line, const CommandLine& scan) {
  publish(unit_text(line));
  command_.body = scan.info;
  if (!part_) command_.piece = Piece::First;
  const CommandEvent event = part_ ? CommandEvent::Part : CommandEvent::Head;
  part_ = true;
  line_start_ = 0;
  remaining_ = scan.info.size;
  state_ = State::Body;
  settle_ = true;
  at_stop_ = scan.info.synchronising;
  return event;
}

CommandEvent CommandScanner::announce_argument(Octets line, const CommandLine& scan, bool& again) {
  too_large_ = scan.info.size > limits_.arguments - argument_octets_ ||
               command_.literals.size() == kArgumentLiterals ||
               (!scan.info.synchronising && scan.info.size > limits_.unasked);
  if (too_large_ && !scan.info.synchronising) return fail(ErrorCode::LiteralTooLarge);
  if (in_place()) {
    held_.append(line, held_most());
  } else {
    held_.truncate(line_start_ + line.size());
  }
  line_start_ = held_.size();
  argument_ = scan.info;
  remaining_ = scan.info.size;
  state_ = State::Argument;
  if (scan.info.synchronising) {
    publish(held_.view());
    at_stop_ = true;
    return CommandEvent::ArgumentLiteral;
  }
  again = true;
  return CommandEvent::NeedMore;
}

CommandEvent CommandScanner::read_argument(Octets& in, bool& again) {
  if (too_large_) return fail(ErrorCode::LiteralTooLarge);
  if (held_.size() == line_start_) {
    // However the client wrote it, it reads `{n}CRLF` from here on.
    std::array<char, 24> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), argument_.size);
    pending_.announced_at = held_.size();
    held_.append(argument_.literal8 ? "~{" : "{", held_most());
    held_.append({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())}, held_most());
    held_.append("}\r\n", held_most());
    pending_.octets_at = held_.size();
    pending_.size = static_cast<std::size_t>(argument_.size);
    pending_.literal8 = argument_.literal8;
  }
  const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, in.size()));
  held_.append(in.substr(0, taken), held_most());
  in.remove_prefix(taken);
  remaining_ -= taken;
  if (remaining_ > 0) return CommandEvent::NeedMore;
  command_.literals.push_back(pending_);
  argument_octets_ += pending_.size;
  line_start_ = held_.size();
  behind_literal_ = true;
  state_ = State::Line;
  again = true;
  return CommandEvent::NeedMore;
}

CommandEvent CommandScanner::read_body(Octets& in) noexcept {
  if (in.empty() && remaining_ > 0) return CommandEvent::NeedMore;
  octets_ = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, in.size())));
  in.remove_prefix(octets_.size());
  remaining_ -= octets_.size();
  last_ = remaining_ == 0;
  if (last_) {
    behind_literal_ = true;
    between_messages_ = forms_.multiappend && grammar_.is_behind_message();
    state_ = State::Line;
  }
  return CommandEvent::Body;
}

CommandEvent CommandScanner::skip(Octets& in, bool& again) noexcept {
  const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, in.size()));
  in.remove_prefix(taken);
  remaining_ -= taken;
  if (remaining_ > 0) return CommandEvent::NeedMore;
  behind_literal_ = true;
  state_ = State::Line;
  again = true;
  return CommandEvent::NeedMore;
}

CommandEvent CommandScanner::fail(ErrorCode code) noexcept {
  publish({});
  held_.clear();
  octets_ = {};
  state_ = State::Broken;
  error_ = code;
  certain_ = false;
  return CommandEvent::Malformed;
}

void CommandScanner::publish(Octets text) noexcept {
  command_.text = text;
  command_.verb = verb_;
  command_.uid = uid_;
  command_.piece = part_ ? Piece::Later : Piece::Whole;
  command_.body.reset();
  if (part_ || text.empty()) {
    command_.tag = command_.name = {};
    command_.args = text;
    return;
  }
  command_.tag = text.substr(0, shape_.tag_size);
  command_.name = text.substr(shape_.name_at, shape_.name_size);
  command_.args = text.substr(shape_.args_at);
}

// Lets go of what the last event borrowed.
void CommandScanner::settle() noexcept {
  constexpr std::size_t kLiteralsKept = 16;  // an idle scanner keeps room for an ordinary command's
  settle_ = false;
  held_.clear();
  octets_ = command_.tag = command_.name = command_.text = command_.args = {};
  if (command_.literals.capacity() > kLiteralsKept) {
    std::vector<ArgumentLiteral>().swap(command_.literals);
  } else {
    command_.literals.clear();
  }
}

// The next octet starts a command.
void CommandScanner::reset() noexcept {
  state_ = State::Line;
  first_ = true;
  part_ = behind_literal_ = refused_ = malformed_ = false;
  line_start_ = used_ = argument_octets_ = 0;
  remaining_ = 0;
  depth_ = 0;
}

}  // namespace postern::imap
