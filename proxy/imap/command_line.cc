#include "imap/command_line.h"

#include <algorithm>
#include <charconv>

#include "imap/grammar.h"

namespace postern::imap {
namespace {

bool is_letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool ends_token(Octets line, std::size_t at) noexcept {
  return at >= line.size() || line[at] == ' ' || line[at] == ')';
}

bool opens_token(Octets line, std::size_t at) noexcept {
  return at > 0 && (line[at - 1] == ' ' || line[at - 1] == '(');
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

class Scan {
 public:
  Scan(Octets line, std::size_t tag_end, std::size_t& depth)
      : line_(line), tag_end_(tag_end), depth_(depth) {}

  CommandLine run() noexcept {
    std::size_t begin = std::min(tag_end_, line_.size());
    for (std::size_t at = next_stop(line_, 0); at < line_.size(); at = next_stop(line_, at + 1)) {
      if (at > begin) look_for_number(begin, at);
      if (!take(at)) return found_;
      begin = std::max(begin, at + 1);
    }
    look_for_number(begin, line_.size());
    settle();
    return found_;
  }

 private:
  void look_for_number(std::size_t begin, std::size_t end) noexcept {
    const Octets text = line_.substr(begin, end - begin);
    if (!has_endless_digits(text)) return;
    found_.digits = true;
    if (has_endless_number(text)) found_.number = true;
  }

  bool fail(ErrorCode code) noexcept {
    found_.error = code;
    return false;
  }

  // One octet that is not plain. False: where the command ends is uncertain.
  bool take(std::size_t& at) noexcept {
    switch (line_[at]) {
      case '\r':
        return fail(ErrorCode::BareCarriageReturn);
      case '\0':
        return fail(ErrorCode::NulOctet);
      case '"': {
        if (!opens_token(line_, at)) found_.odd = true;
        const ErrorCode error = skip_quoted(line_, at);
        if (error != ErrorCode::Ok) return fail(error);
        if (!ends_token(line_, at + 1)) found_.odd = true;
        return true;
      }
      case '\\':
        if (!backslash_has_its_place(at)) found_.odd = true;
        return true;
      case '(':
        if (!opens_token(line_, at) && (at == 0 || line_[at - 1] != ')')) found_.odd = true;
        ++depth_;
        return true;
      case ')':
        if (depth_ == 0) {
          found_.odd = true;
        } else {
          --depth_;
        }
        if (!ends_token(line_, at + 1) && line_[at + 1] != ']' && line_[at + 1] != '(') found_.odd = true;
        return true;
      case '{':
        open_brace(at);
        return true;
      case '}':
        if (literal_ == Octets::npos && at > tag_end_) found_.odd = true;
        return true;
      default:  // a control character
        found_.odd = true;
        return true;
    }
  }

  // flag-extension = "\" atom, and "\*" (RFC 9051 §9). Before anything else some parsers take it for an
  // escape.
  bool backslash_has_its_place(std::size_t at) const noexcept {
    if (at + 1 == line_.size()) return false;
    return is_letter(line_[at + 1]) || (line_[at + 1] == '*' && ends_token(line_, at + 2));
  }

  void open_brace(std::size_t at) noexcept {
    const std::size_t start = at > 0 && line_[at - 1] == '~' ? at - 1 : at;
    if (!opens_token(line_, start)) {
      brace_ = at;
    } else if (literal_ == Octets::npos) {
      literal_ = start;
    }
  }

  void settle() noexcept {
    if (literal_ != Octets::npos) {
      found_.literal = true;
      found_.literal_at = literal_;
      if (!parse_literal(line_.substr(literal_), found_.info)) found_.error = ErrorCode::MalformedLiteral;
    } else if (brace_ != Octets::npos && resembles_literal(line_, brace_)) {
      found_.error = ErrorCode::MalformedLiteral;
    }
    if (brace_ != Octets::npos) found_.odd = true;
  }

  Octets line_;
  std::size_t tag_end_;
  std::size_t& depth_;
  CommandLine found_;
  std::size_t literal_ = Octets::npos;  // the first brace (or its tilde) that opens a token
  std::size_t brace_ = Octets::npos;    // the last one that does not
};

}  // namespace

// Most lines are not looked into: a run of 21 digits has one at some multiple of 21.
bool has_endless_digits(Octets text) noexcept {
  constexpr std::size_t kStep = kNumberDigits + 1;
  for (std::size_t at = kStep - 1; at < text.size(); at += kStep) {
    if (!grammar::is(text[at], grammar::kDigit)) continue;
    std::size_t begin = at;
    while (begin > 0 && grammar::is(text[begin - 1], grammar::kDigit)) --begin;
    if (grammar::run(text.substr(begin), grammar::kDigit) > kNumberDigits) return true;
  }
  return false;
}

// Looked at are words that are made of nothing but numbers, so that names and tokens with many digits are
// left alone.
bool has_endless_number(Octets text) noexcept {
  constexpr Octets kEnds = " ()<>[]";
  if (!has_endless_digits(text)) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const Octets word = text.substr(at, text.find_first_of(kEnds, at) - at);
    if (word.find_first_not_of("0123456789:,*.") == Octets::npos && has_endless_digits(word)) return true;
    at += word.size();
  }
  return false;
}

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

CommandLine scan_command_line(Octets line, std::size_t tag_end, std::size_t& depth) noexcept {
  return Scan(line, tag_end, depth).run();
}

}  // namespace postern::imap
