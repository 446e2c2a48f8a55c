#include "imap/command_grammar.h"

#include <algorithm>
#include <array>

#include "imap/arguments.h"
#include "imap/command_line.h"
#include "imap/grammar.h"

namespace postern::imap {
namespace {

bool is_of(Octets word, std::uint8_t bits) noexcept {
  return !word.empty() && grammar::run(word, bits) == word.size();
}

bool is_set(Octets word) noexcept { return is_sequence_set(word) && !has_endless_digits(word); }

bool is_flag(Octets word) noexcept {
  if (word.starts_with('\\')) word.remove_prefix(1);
  return is_of(word, grammar::kAtom);
}

// ASTRING-CHARs, wildcards, a flag's backslash.
bool is_element(Octets word) noexcept {
  if (word.starts_with('\\')) word.remove_prefix(1);
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return grammar::is(c, grammar::kAstring) || c == '*' || c == '%';
  });
}

// date-time without its quotes (RFC 9051 §9): `17-Jul-1996 02:44:25 -0700`, the day's first digit may be SP.
bool is_date_time(Octets text) noexcept {
  constexpr Octets kShape = "##-Mon-#### ##:##:## +####";
  constexpr Octets kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != kShape.size()) return false;
  for (std::size_t at = 0; at < kShape.size(); ++at) {
    const char c = text[at];
    if (kShape[at] == '#') {
      if (!grammar::is(c, grammar::kDigit) && !(at == 0 && c == ' ')) return false;
    } else if (kShape[at] == '+') {
      if (c != '+' && c != '-') return false;
    } else if ((at < 3 || at > 5) && c != kShape[at]) {
      return false;
    }
  }
  for (std::size_t at = 0; at < kMonths.size(); at += 3)
    if (equals_ignoring_case(text.substr(3, 3), kMonths.substr(at, 3))) return true;
  return false;
}

template <std::size_t kCount>
bool is_one_of(Octets word, const std::array<Octets, kCount>& words) noexcept {
  return std::any_of(words.begin(), words.end(),
                     [word](Octets one) { return equals_ignoring_case(word, one); });
}

// search-key (RFC 9051 §9, RFC 5032, RFC 6203, RFC 8514). What is not here may have arguments of any kind.
constexpr std::array<Octets, 17> kKeysAlone{
    "ALL",        "ANSWERED", "DELETED", "DRAFT",     "FLAGGED",   "NEW", "OLD", "RECENT", "SEEN",
    "UNANSWERED", "UNDRAFT",  "UNSEEN",  "UNDELETED", "UNFLAGGED", "NOT", "OR",  "FUZZY"};
constexpr std::array<Octets, 8> kKeysWithString{"BCC",     "BODY", "CC", "FROM",
                                                "SUBJECT", "TEXT", "TO", "CHARSET"};
constexpr std::array<Octets, 16> kKeysWithAtom{
    "KEYWORD", "UNKEYWORD", "LARGER",  "SMALLER", "UID",        "BEFORE",    "ON",          "SINCE",
    "SENTON",  "OLDER",     "YOUNGER", "SAVEDON", "SENTBEFORE", "SENTSINCE", "SAVEDBEFORE", "SAVEDSINCE"};
// fetch-att without a section, and fetch-modifier: a list behind them is none of strings.
constexpr std::array<Octets, 20> kItems{
    "ALL",          "FAST",        "FULL",          "ENVELOPE",    "FLAGS",         "INTERNALDATE", "RFC822",
    "BODY",         "RFC822.TEXT", "RFC822.HEADER", "RFC822.SIZE", "BODYSTRUCTURE", "UID",          "MODSEQ",
    "CHANGEDSINCE", "VANISHED",    "EMAILID",       "THREADID",    "SAVEDATE",      "PARTIAL"};

}  // namespace

void CommandGrammar::begin(Verb verb, AppendForms announced) noexcept {
  *this = {};
  announced_ = announced;
  verb_ = verb;
}

CommandGrammar::Place CommandGrammar::read(Octets text, const LiteralInfo* literal) noexcept {
  if (row_of(verb_).literals.empty()) return Place::Misfit;
  while (!text.empty()) {
    Token token;
    if (!take_token(text, token)) return Place::Misfit;
    if (token.kind == Kind::Literal) {  // a blank at the end
      if (literal == nullptr) return Place::Misfit;
      token.kind = literal->literal8 ? Kind::Literal8 : Kind::Literal;
      message_ = false;
      if (!accept(token)) return Place::Misfit;
      return message_ ? Place::Message : Place::Argument;
    }
    if (!accept(token)) return Place::Misfit;
  }
  if (literal == nullptr) return is_complete() ? Place::Argument : Place::Misfit;
  message_ = false;
  if (!accept({literal->literal8 ? Kind::Literal8 : Kind::Literal, {}, false})) return Place::Misfit;
  return message_ ? Place::Message : Place::Argument;
}

bool CommandGrammar::is_behind_message() const noexcept {
  return slot() == 'M' && step_ == Step::Done && verb_ == Verb::Append;
}

// What row_of(verb_).literals says of the arguments, one letter each:
//   m  astring                   p  a pattern or a list of them    a  atom
//   s  sequence set              l  a list without literals        o  the same, may be missing
//   r  RETURN and a list, or nothing                               v  a list with strings of every kind
//   e  elements to the end, strings and lists among them           n  the same without literals, or none
//   k  search keys               f  FETCH's items                  g  STORE's item and its values
//   M  messages to be stored
char CommandGrammar::slot() const noexcept {
  const Octets shape = row_of(verb_).literals;
  return slot_ < shape.size() ? shape[slot_] : '\0';
}

void CommandGrammar::next_slot() noexcept {
  ++slot_;
  begun_ = false;
}

// One blank may stand before it. A blank at the end is told as a literal: one must follow.
bool CommandGrammar::take_token(Octets& rest, Token& token) noexcept {
  token.spaced = rest.starts_with(' ');
  if (token.spaced) rest.remove_prefix(1);
  if (rest.empty()) {
    token.kind = Kind::Literal;
    return true;
  }
  std::size_t size = 1;
  switch (rest.front()) {
    case ' ':
      return false;
    case '(':
      token.kind = Kind::Open;
      break;
    case ')':
      token.kind = Kind::Close;
      break;
    case '"':
      token.kind = Kind::Quoted;
      for (; size < rest.size() && rest[size] != '"'; ++size) {
        if (rest[size] != '\\') continue;
        if (++size == rest.size() || (rest[size] != '"' && rest[size] != '\\')) return false;
      }
      if (size == rest.size()) return false;
      token.text = rest.substr(1, size - 1);
      ++size;
      break;
    default:
      token.kind = Kind::Word;
      size = std::min(rest.find_first_of(" ()\""), rest.size());
      token.text = rest.substr(0, size);
  }
  rest.remove_prefix(size);
  return true;
}

// Exactly one SP between elements, none inside of a parenthesis; a section closes behind its header list.
bool CommandGrammar::may_follow(const Token& token) const noexcept {
  if (previous_ == Previous::Start || previous_ == Previous::Open) return !token.spaced;
  if (token.kind == Kind::Close) return !token.spaced;
  if (previous_ == Previous::Close && token.kind == Kind::Word && token.text.starts_with(']'))
    return !token.spaced;
  return token.spaced;
}

bool CommandGrammar::accept(const Token& token) noexcept {
  if (!may_follow(token) || !take_slot(token)) return false;
  previous_ = token.kind == Kind::Open    ? Previous::Open
              : token.kind == Kind::Close ? Previous::Close
                                          : Previous::Element;
  return true;
}

bool CommandGrammar::take_slot(const Token& token) noexcept {
  const bool string = token.kind == Kind::Quoted || token.kind == Kind::Literal;
  const bool word = token.kind == Kind::Word;
  const bool outside = depth_ == 0 && !begun_;
  switch (slot()) {
    case 'm':
      next_slot();
      return string || (word && is_of(token.text, grammar::kAstring));
    case 'a':
      next_slot();
      return word && is_of(token.text, grammar::kAtom);
    case 's':
      next_slot();
      return word && is_set(token.text);
    case 'p':
      return take_patterns(token);
    case 'o':
      if (outside && token.kind != Kind::Open) {
        next_slot();
        return take_slot(token);
      }
      return take_list(token, false);
    case 'r':
      if (outside && !(word && equals_ignoring_case(token.text, "RETURN"))) {
        next_slot();
        return take_slot(token);
      }
      if (!outside) return take_list(token, false);
      return begun_ = true;
    case 'l':
      return take_list(token, false);
    case 'v':
      return take_list(token, true);
    case 'n':
      return take_element(token, false);
    case 'e':
      begun_ = true;
      return take_element(token, true);
    case 'k':
      return take_search(token);
    case 'f':
      return take_fetch(token);
    case 'g':
      return take_store(token);
    case 'M':
      return take_message(token);
    default:
      return false;
  }
}

// A list is the whole of the slot.
bool CommandGrammar::take_list(const Token& token, bool strings) noexcept {
  if (depth_ == 0 && token.kind != Kind::Open) return false;
  if (token.kind == Kind::Literal8 && strings && depth_ > 0) return true;  // RFC 5464: values are octets
  if (!take_element(token, strings)) return false;
  if (depth_ == 0) next_slot();
  return true;
}

bool CommandGrammar::take_patterns(const Token& token) noexcept {
  if (token.kind == Kind::Open && depth_ > 0) return false;
  if (token.kind == Kind::Close && previous_ == Previous::Open) return false;
  if (!take_element(token, true)) return false;
  if (depth_ == 0) next_slot();
  return true;
}

bool CommandGrammar::take_element(const Token& token, bool strings) noexcept {
  switch (token.kind) {
    case Kind::Open:
      ++depth_;
      return true;
    case Kind::Close:
      if (depth_ == 0) return false;
      --depth_;
      return true;
    case Kind::Word:
      return is_element(token.text) && (strings || !has_endless_number(token.text));
    case Kind::Quoted:
      return true;
    case Kind::Literal:
      return strings;
    case Kind::Literal8:
      return false;
  }
  return false;
}

// header-list, in a section, holds one string or more and no list; any other list whatever it likes.
bool CommandGrammar::take_in_free_list(const Token& token) noexcept {
  if (bracket_ && (token.kind == Kind::Open || (token.kind == Kind::Close && previous_ == Previous::Open)))
    return false;
  if (!take_element(token, true)) return false;
  if (depth_ < free_) {
    free_ = 0;
    next_ = bracket_ ? Next::Key : Next::Anything;
  }
  return true;
}

bool CommandGrammar::take_search(const Token& token) noexcept {
  if (free_ > 0) return take_in_free_list(token);
  begun_ = true;
  switch (token.kind) {
    case Kind::Open:
      if (next_ != Next::Key && next_ != Next::Anything) return false;
      ++depth_;
      if (next_ == Next::Anything) free_ = depth_;
      next_ = Next::Key;
      return true;
    case Kind::Close:
      if (depth_ == 0 || previous_ == Previous::Open) return false;
      if (next_ != Next::Key && next_ != Next::Anything) return false;
      --depth_;
      next_ = Next::Key;
      return true;
    case Kind::Word:
      return take_search_word(token.text);
    case Kind::Quoted:
    case Kind::Literal:
      if (next_ == Next::Key) return false;
      if (next_ == Next::Atom && token.kind == Kind::Literal) return false;  // a date may be quoted
      if (next_ != Next::Anything) next_ = next_ == Next::TwoStrings ? Next::String : Next::Key;
      return true;
    case Kind::Literal8:
      return false;
  }
  return false;
}

bool CommandGrammar::take_search_word(Octets word) noexcept {
  if (!is_element(word)) return false;
  if ((next_ == Next::Key || next_ == Next::Atom) && has_endless_number(word)) return false;
  if (next_ != Next::Key && next_ != Next::Anything) {
    next_ = next_ == Next::TwoStrings ? Next::String : Next::Key;
    return true;
  }
  if (is_one_of(word, kKeysAlone) || (next_ == Next::Key && is_set(word))) {
    next_ = Next::Key;
  } else if (is_one_of(word, kKeysWithString)) {
    next_ = Next::String;
  } else if (is_one_of(word, kKeysWithAtom)) {
    next_ = Next::Atom;
  } else {
    next_ = equals_ignoring_case(word, "HEADER") ? Next::TwoStrings : Next::Anything;
  }
  return true;
}

// Strings are in header-list (RFC 9051 §9) and among the values of an item that is not known.
bool CommandGrammar::take_fetch(const Token& token) noexcept {
  if (free_ > 0) return take_in_free_list(token);
  begun_ = true;
  switch (token.kind) {
    case Kind::Open:
      ++depth_;
      if (next_ == Next::HeaderList || next_ == Next::Anything) free_ = depth_;
      next_ = Next::Key;
      return true;
    case Kind::Close:
      if (depth_ == 0 || bracket_ || previous_ == Previous::Open) return false;
      --depth_;
      next_ = Next::Key;
      return true;
    case Kind::Word:
      return take_fetch_word(token.text);
    case Kind::Quoted:
    case Kind::Literal:
      return next_ == Next::Anything;
    case Kind::Literal8:
      return false;
  }
  return false;
}

bool CommandGrammar::take_fetch_word(Octets word) noexcept {
  if (!is_element(word) || has_endless_number(word)) return false;
  const std::size_t open = word.find('[');
  const bool closes = word.find(']') != Octets::npos;
  if (bracket_) {
    if (previous_ != Previous::Close || !word.starts_with(']') || open != Octets::npos) return false;
    bracket_ = false;
    next_ = Next::Key;
    return true;
  }
  if (open == Octets::npos) {
    if (closes) return false;
    next_ = is_one_of(word, kItems) || is_set(word) ? Next::Key : Next::Anything;
    return true;
  }
  next_ = Next::Key;
  if (closes) return true;
  Octets section = word.substr(open + 1);
  const std::size_t part = section.find_first_not_of("0123456789.");
  section = part == Octets::npos ? Octets() : section.substr(part);
  if (!equals_ignoring_case(section, "HEADER.FIELDS") && !equals_ignoring_case(section, "HEADER.FIELDS.NOT"))
    return false;
  bracket_ = true;
  next_ = Next::HeaderList;
  return true;
}

// Flags are no strings; labels and annotations may be.
bool CommandGrammar::take_store(const Token& token) noexcept {
  if (begun_) return take_element(token, strings_);
  if (token.kind != Kind::Word || !is_of(token.text, grammar::kAtom)) return false;
  begun_ = true;
  Octets item = token.text;
  if (item.starts_with('+') || item.starts_with('-')) item.remove_prefix(1);
  strings_ = !starts_ignoring_case(item, "FLAGS");
  return true;
}

// [SP flag-list] [SP date-time] *(SP extension SP value) SP data, again and again (RFC 9051 §9, RFC 3502,
// RFC 4466 §2.5).
bool CommandGrammar::take_message(const Token& token) noexcept {
  if (step_ == Step::Done) {
    if (verb_ != Verb::Append || !announced_.multiappend) return false;
    step_ = Step::Begin;
  }
  switch (step_) {
    case Step::Begin:
      step_ = token.kind == Kind::Open ? Step::Flags : Step::Date;
      return token.kind == Kind::Open || take_message(token);
    case Step::Flags:
      if (token.kind == Kind::Close) step_ = Step::Date;
      return token.kind == Kind::Close || (token.kind == Kind::Word && is_flag(token.text));
    case Step::Date:
      step_ = Step::Data;
      return token.kind == Kind::Quoted ? is_date_time(token.text) : take_data(token);
    case Step::Data:
      return take_data(token);
    case Step::ExtensionValue:
      if ((depth_ == 0 && token.kind != Kind::Open) || !take_element(token, true)) return false;
      if (depth_ == 0) step_ = Step::Data;
      return true;
    case Step::Utf8Open:
      step_ = Step::Utf8Literal;
      return token.kind == Kind::Open;
    case Step::Utf8Literal:
      return token.kind == Kind::Literal8 && announce_message(Step::Utf8Close);
    case Step::Utf8Close:
      step_ = Step::Done;
      return token.kind == Kind::Close;
    default:
      return take_catenate(token);
  }
}

bool CommandGrammar::take_data(const Token& token) noexcept {
  if (is_message(token)) return announce_message(Step::Done);
  if (token.kind != Kind::Word || !is_of(token.text, grammar::kAtom)) return false;
  if (equals_ignoring_case(token.text, "CATENATE")) {
    step_ = Step::CatenateOpen;
    return announced_.catenate;
  }
  if (equals_ignoring_case(token.text, "UTF8")) {
    step_ = Step::Utf8Open;
    return announced_.utf8;
  }
  step_ = Step::ExtensionValue;
  return true;
}

// "CATENATE" SP "(" cat-part *(SP cat-part) ")" (RFC 4469 §5).
bool CommandGrammar::take_catenate(const Token& token) noexcept {
  switch (step_) {
    case Step::CatenateOpen:
      step_ = Step::CatenatePart;
      return token.kind == Kind::Open;
    case Step::CatenateNext:
      if (token.kind == Kind::Close) {
        step_ = Step::Done;
        return true;
      }
      [[fallthrough]];
    case Step::CatenatePart: {
      const bool text = token.kind == Kind::Word && equals_ignoring_case(token.text, "TEXT");
      step_ = text ? Step::CatenateText : Step::CatenateUrl;
      return text || (token.kind == Kind::Word && equals_ignoring_case(token.text, "URL"));
    }
    case Step::CatenateText:
      return is_message(token) && announce_message(Step::CatenateNext);
    case Step::CatenateUrl:
      step_ = Step::CatenateNext;
      return token.kind == Kind::Quoted || token.kind == Kind::Literal ||
             (token.kind == Kind::Word && is_of(token.text, grammar::kAstring));
    default:
      return false;
  }
}

bool CommandGrammar::is_message(const Token& token) const noexcept {
  return token.kind == Kind::Literal || (token.kind == Kind::Literal8 && announced_.binary);
}

bool CommandGrammar::announce_message(Step then) noexcept {
  step_ = then;
  return message_ = true;
}

bool CommandGrammar::is_complete() const noexcept {
  switch (slot()) {
    case '\0':
      return true;
    case 'o':
    case 'n':
      return depth_ == 0;
    case 'e':
    case 'g':
      return depth_ == 0 && begun_;
    case 'k':
      return depth_ == 0 && begun_ && (next_ == Next::Key || next_ == Next::Anything);
    case 'f':
      return depth_ == 0 && begun_ && !bracket_;
    case 'M':
      return step_ == Step::Done;
    default:
      return false;
  }
}

}  // namespace postern::imap
