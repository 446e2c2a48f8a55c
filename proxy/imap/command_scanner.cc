#include "imap/command_scanner.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "imap/grammar.h"

namespace postern::imap {

// What one line holds, quotes understood: an error, or the literal at its end, or nothing.
struct CommandScanner::LineScan {
  ErrorCode error = ErrorCode::Ok;
  bool literal = false;
  std::size_t literal_at = 0;  // of the brace, or of the tilde before it
  LiteralInfo info;
};

namespace {

using grammar::kAtom;
using grammar::kTag;

// The octets at which scanning a line has to stop and think.
constexpr std::array<bool, 256> make_stops() noexcept {
  std::array<bool, 256> stops{};
  stops['\0'] = stops['\r'] = stops['"'] = stops['{'] = true;
  return stops;
}
constexpr auto kStops = make_stops();

bool may_follow_literal(char c) noexcept { return c == ' ' || c == ')' || c == '\r' || c == '\n'; }

// From the opening quote to the closing one; the error if there is none.
ErrorCode skip_quoted(Octets line, std::size_t& at) noexcept {
  bool escaped = false;
  for (++at; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '\r') return ErrorCode::BareCarriageReturn;
    if (c == '\0') return ErrorCode::NulOctet;
    if (escaped) {
      escaped = false;
    } else if (c == '\\') {
      escaped = true;
    } else if (c == '"') {
      return ErrorCode::Ok;
    }
  }
  return ErrorCode::UnclosedQuote;
}

// `token` is everything from the tilde or brace to the line's end.
bool parse_literal(Octets token, LiteralInfo& info) noexcept {
  info = {};
  if (token.starts_with('~')) {
    info.literal8 = true;
    token.remove_prefix(1);
  }
  if (token.size() < 3 || !token.starts_with('{') || !token.ends_with('}')) return false;
  token = token.substr(1, token.size() - 2);
  if (token.ends_with('+')) {
    info.synchronising = false;
    token.remove_suffix(1);
  }
  if (token.empty() || (token.front() == '0' && token.size() > 1)) return false;
  for (const char c : token)
    if (!grammar::is(c, grammar::kDigit)) return false;
  const auto [end, failure] = std::from_chars(token.data(), token.data() + token.size(), info.size);
  return failure == std::errc() && info.size <= kNumber64Max;
}

// `{` outside quotes that opens no literal: the line must not end in its `}`, since a lenient upstream would
// wait for octets then. Blanks behind it change nothing, some parsers trim.
bool resembles_literal(Octets line, std::size_t brace) noexcept {
  const std::size_t end = line.find_last_not_of(" \t");
  return line[end] == '}' && line.substr(brace, end - brace).find_first_of(" ()") == Octets::npos;
}

bool opens_token(Octets line, std::size_t at) noexcept {
  return at > 0 && (line[at - 1] == ' ' || line[at - 1] == '(');
}

std::size_t next_stop(Octets line, std::size_t at) noexcept {
  const char* octet = line.data() + at;
  const char* const end = line.data() + line.size();
  while (octet < end && !kStops[static_cast<unsigned char>(*octet)]) ++octet;
  return static_cast<std::size_t>(octet - line.data());
}

struct Openings {
  ErrorCode error = ErrorCode::Ok;
  std::size_t literal = Octets::npos;  // the first brace (or its tilde) that opens a token
  std::size_t brace = Octets::npos;    // the last one that does not
};

Openings find_openings(Octets line, std::size_t at) noexcept {
  Openings found;
  for (; at < line.size(); at = next_stop(line, at + 1)) {
    switch (line[at]) {
      case '\r':
        found.error = ErrorCode::BareCarriageReturn;
        return found;
      case '\0':
        found.error = ErrorCode::NulOctet;
        return found;
      case '"':
        found.error = skip_quoted(line, at);
        if (found.error != ErrorCode::Ok) return found;
        break;
      default: {
        const std::size_t start = at > 0 && line[at - 1] == '~' ? at - 1 : at;
        if (!opens_token(line, start)) {
          found.brace = at;
        } else if (found.literal == Octets::npos) {
          found.literal = start;
        }
      }
    }
  }
  return found;
}

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
  LineScan scan;
  const std::size_t stop = next_stop(line, 0);
  if (stop < line.size()) {
    const Openings found = find_openings(line, stop);
    if (found.error != ErrorCode::Ok) return fail(found.error);
    if (found.literal != Octets::npos) {
      scan.literal = true;
      scan.literal_at = found.literal;
      if (!parse_literal(line.substr(found.literal), scan.info)) return fail(ErrorCode::MalformedLiteral);
    } else if (found.brace != Octets::npos && resembles_literal(line, found.brace)) {
      return fail(ErrorCode::MalformedLiteral);
    }
  }
  used_ += line.size();
  behind_literal_ = false;
  if (scan.literal) {
    line = line.substr(0, scan.literal_at);
  } else if (line.ends_with(' ')) {
    line.remove_suffix(1);
  }
  const bool head = first_;
  first_ = false;
  if (head && !refused_ && !parse_head(line, scan.literal)) begin_swallowing(line);
  if (refused_) return swallow_line(scan, again);
  if (!scan.literal) return finish_unit(line);
  if (at_message(head ? line.substr(shape_.args_at) : line)) return announce_body(line, scan);
  return announce_argument(line, scan, again);
}

// The usual way: a whole command in one line, without quotes or literals. Nothing of what reset() resets has
// been touched.
CommandEvent CommandScanner::judge_plain_command(Octets line) {
  if (line.ends_with(' ')) line.remove_suffix(1);
  if (!parse_head(line, false)) {
    begin_swallowing(line);
    return end_swallowing();
  }
  publish(line);
  settle_ = at_stop_ = true;
  return CommandEvent::Head;
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

// A head that is malformed: its extent is certain all the same, so its {n+} literals are swallowed with it.
// The tag is kept for the answer.
void CommandScanner::begin_swallowing(Octets line) {
  if (in_place()) {
    held_.append(line.substr(0, shape_.tag_size), held_most());
  } else {
    held_.truncate(shape_.tag_size);
  }
  line_start_ = shape_.tag_size;
  refused_ = malformed_ = true;
}

CommandEvent CommandScanner::swallow_line(const LineScan& scan, bool& again) {
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

CommandEvent CommandScanner::announce_body(Octets line, const LineScan& scan) {
  publish(unit_text(line));
  command_.body = scan.info;
  const CommandEvent event = part_ ? CommandEvent::Part : CommandEvent::Head;
  part_ = true;
  line_start_ = 0;
  remaining_ = scan.info.size;
  state_ = State::Body;
  settle_ = true;
  at_stop_ = scan.info.synchronising;
  return event;
}

CommandEvent CommandScanner::announce_argument(Octets line, const LineScan& scan, bool& again) {
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

// Reads on through the arguments of APPEND or REPLACE, up to a literal, and says whether that literal is a
// message: the first one behind the arguments before it, UTF8's, CATENATE's TEXT, but not CATENATE's URL
// (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 6855, RFC 8508). A literal of any other verb is an argument.
bool CommandScanner::at_message(Octets text) noexcept {
  using List = Position::List;
  const std::size_t before_message = row_of(verb_).body_after;
  if (before_message == 0) return false;
  Position& p = position_;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == ' ') continue;
    if (c == ')') {
      if (p.depth > 0) --p.depth;
      continue;
    }
    if (p.depth == 0) ++p.arguments;
    if (c == '(') {
      if (p.depth++ == 0) p.list = p.word;
      p.word = List::Other;
      continue;
    }
    if (c == '"') {
      skip_quoted(text, at);
      p.word = List::Other;
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" ()\"", at), text.size());
    const Octets word = text.substr(at, end - at);
    p.word = List::Other;
    if (p.depth == 0 && p.arguments > before_message) {
      if (equals_ignoring_case(word, "UTF8")) p.word = List::Utf8;
      if (equals_ignoring_case(word, "CATENATE")) p.word = List::Catenate;
    }
    at = end - 1;
  }
  if (p.depth == 0 && p.arguments >= before_message) return true;
  if (p.depth == 1 && p.list == List::Utf8 && text.ends_with('(')) return true;
  if (p.depth == 1 && p.list == List::Catenate && text.size() >= 6) {
    const Octets tail = text.substr(text.size() - 6);
    if ((tail.front() == ' ' || tail.front() == '(') && equals_ignoring_case(tail.substr(1), "TEXT "))
      return true;
  }
  if (p.depth == 0) ++p.arguments;
  p.word = List::Other;
  return false;
}

void CommandScanner::publish(Octets text) noexcept {
  command_.text = text;
  command_.verb = verb_;
  command_.uid = uid_;
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
  position_ = {};
}

}  // namespace postern::imap
