#include "unit/imap/loose_scanner.h"

#include <algorithm>
#include <utility>

#include "imap/grammar.h"

namespace postern::imap::testing {
namespace {

// `{n}` or `{n+}`, with a tilde or without, at the line's end and outside of quotes; else the line's size.
std::size_t literal_at(Octets line) {
  bool quoted = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (quoted && line[at] == '\\') {
      ++at;
    } else if (line[at] == '"') {
      quoted = !quoted;
    } else if (line[at] == '{' && !quoted && line.ends_with('}')) {
      const Octets digits = line.substr(at + 1, line.size() - at - 2);
      if (grammar::run(digits, grammar::kDigit) + (digits.ends_with('+') ? 1U : 0U) == digits.size())
        return line[at - 1] == '~' ? at - 1 : at;
    }
  }
  return line.size();
}

bool ends_ignoring_case(Octets text, Octets end) {
  return text.size() >= end.size() && equals_ignoring_case(text.substr(text.size() - end.size()), end);
}

}  // namespace

CommandEvent LooseScanner::next(Octets& in) {
  text_.clear();
  command_.tag = command_.name = {};
  command_.literals.clear();
  command_.body.reset();
  while (!in.empty()) {
    const std::size_t end = in.find("\r\n");
    Octets line = in.substr(0, end);
    in.remove_prefix(end + 2);
    const std::size_t at = literal_at(line);
    if (at == line.size()) {
      if (line.ends_with(' ')) line.remove_suffix(1);
      text_.append(line);
      return end_command();
    }
    LiteralInfo info;
    info.literal8 = line[at] == '~';
    info.synchronising = !line.ends_with("+}");
    info.size = std::stoull(std::string(line.substr(at + (info.literal8 ? 2 : 1))));
    text_.append(line.substr(0, at));
    if (is_message(line.substr(0, at))) {
      publish();
      command_.body = info;
      if (!part_) command_.piece = Piece::First;
      in.remove_prefix(std::min<std::size_t>(info.size, in.size()));
      const CommandEvent event = part_ ? CommandEvent::Part : CommandEvent::Head;
      part_ = true;
      return event;
    }
    ArgumentLiteral literal;
    literal.announced_at = text_.size();
    text_.append(info.literal8 ? "~{" : "{").append(std::to_string(info.size)).append("}\r\n");
    literal.octets_at = text_.size();
    literal.size = info.size;
    literal.literal8 = info.literal8;
    text_.append(in.substr(0, info.size));
    in.remove_prefix(info.size);
    command_.literals.push_back(literal);
  }
  return CommandEvent::NeedMore;
}

CommandEvent LooseScanner::end_command() {
  publish();
  depth_ = words_ = 0;
  return std::exchange(part_, false) ? CommandEvent::End : CommandEvent::Head;
}

// Behind the arguments that every APPEND and REPLACE has, or in the list of UTF8 or CATENATE.
bool LooseScanner::is_message(Octets text) {
  bool quoted = false;
  char before = ' ';
  for (std::size_t at = 0; at < text.size(); before = text[at++]) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      quoted = c != '"';
      continue;
    }
    if (depth_ == 0 && (c == '(' || (c != ' ' && c != ')' && (before == ' ' || before == ')')))) ++words_;
    quoted = c == '"';
    if (c == '(') ++depth_;
    if (c == ')' && depth_ > 0) --depth_;
  }
  publish();
  const bool replaces = command_.verb == Verb::Replace;
  if (command_.verb != Verb::Append && !replaces) return false;
  const std::size_t words = replaces ? (command_.uid ? 5 : 4) : 3;
  if (depth_ == 0 && words_ >= words) return true;
  if (depth_ == 0) ++words_;
  return depth_ == 1 && (ends_ignoring_case(text, "UTF8 (") || ends_ignoring_case(text, "TEXT "));
}

void LooseScanner::publish() {
  command_.text = command_.args = text_;
  command_.piece = part_ ? Piece::Later : Piece::Whole;
  if (part_) return;
  const auto take_word = [this] {
    const Octets word = command_.args.substr(0, command_.args.find(' '));
    command_.args.remove_prefix(std::min(word.size() + 1, command_.args.size()));
    return word;
  };
  command_.tag = take_word();
  command_.name = take_word();
  command_.uid = equals_ignoring_case(command_.name, "UID");
  if (command_.uid) command_.name = take_word();
  command_.verb = verb_of(command_.name);
  if (command_.uid && !takes_uid(command_.verb)) command_.verb = Verb::Unknown;
}

}  // namespace postern::imap::testing
