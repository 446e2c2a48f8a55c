// Where in a verb's grammar a literal may stand: the text of a command that carries one is read token by
// token, strictly, up to each literal and behind the last, before an octet of it is forwarded. What a verb's
// arguments are like says its row in the verb table. Pure, incremental, of constant size.
//
// Why so strict here and nowhere else: a literal is the only place where octets of a client's choosing follow
// that nobody reads as commands. The upstream's parser has to arrive at the same place by the same way.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/octets.h"
#include "imap/command.h"

namespace postern::imap {

// What the upstream has announced that it takes in an APPEND (RFC 3502, RFC 4469, RFC 6855, RFC 3516).
struct AppendForms {
  bool multiappend = true;
  bool catenate = true;
  bool utf8 = true;
  bool binary = true;  // a message as literal8
};

class CommandGrammar {
 public:
  enum class Place : std::uint8_t {
    Misfit,    // the grammar has nothing of that kind there
    Argument,  // the literal is an argument, or the text is complete
    Message,   // the octets of a message to be stored
  };

  void begin(Verb verb, AppendForms announced) noexcept;
  // Reads on. `text` ends directly before `literal`, or where that is null with the command. Behind a literal
  // `text` begins with what follows its octets.
  Place read(Octets text, const LiteralInfo* literal) noexcept;
  // All of a message has been announced or said: another one, or the end, may follow. Else the command stands
  // inside of CATENATE, of UTF8, or of what precedes a message.
  bool is_behind_message() const noexcept;

 private:
  enum class Kind : std::uint8_t { Open, Close, Word, Quoted, Literal, Literal8 };
  struct Token {
    Kind kind = Kind::Word;
    Octets text;  // of a word, or between the quotes as it stands
    bool spaced = false;
  };
  enum class Previous : std::uint8_t { Start, Open, Element, Close };
  enum class Step : std::uint8_t {
    Begin,
    Flags,
    Date,
    Data,
    ExtensionValue,
    CatenateOpen,
    CatenatePart,
    CatenateText,
    CatenateUrl,
    CatenateNext,
    Utf8Open,
    Utf8Literal,
    Utf8Close,
    Done,
  };
  // What the element behind a key may be.
  enum class Next : std::uint8_t { Key, String, TwoStrings, Atom, HeaderList, Anything };

  char slot() const noexcept;
  void next_slot() noexcept;
  static bool take_token(Octets& rest, Token& token) noexcept;
  bool may_follow(const Token& token) const noexcept;
  bool accept(const Token& token) noexcept;
  bool take_slot(const Token& token) noexcept;
  bool take_list(const Token& token, bool strings) noexcept;
  bool take_patterns(const Token& token) noexcept;
  bool take_element(const Token& token, bool strings) noexcept;
  bool take_in_free_list(const Token& token) noexcept;
  bool take_search(const Token& token) noexcept;
  bool take_search_word(Octets word) noexcept;
  bool take_fetch(const Token& token) noexcept;
  bool take_fetch_word(Octets word) noexcept;
  bool take_store(const Token& token) noexcept;
  bool take_message(const Token& token) noexcept;
  bool take_data(const Token& token) noexcept;
  bool take_catenate(const Token& token) noexcept;
  bool is_message(const Token& token) const noexcept;
  bool announce_message(Step then) noexcept;
  bool is_complete() const noexcept;

  AppendForms announced_;
  Verb verb_ = Verb::Unknown;
  std::uint8_t slot_ = 0;
  Previous previous_ = Previous::Start;
  Step step_ = Step::Begin;
  Next next_ = Next::Key;
  bool begun_ = false;    // this slot has an element
  bool bracket_ = false;  // FETCH: `BODY[…` is open
  bool strings_ = false;  // STORE: its item takes strings
  bool message_ = false;  // the literal that was just taken is a message
  std::size_t depth_ = 0;
  std::size_t free_ = 0;  // from this depth on the list of a key that is not known
};

}  // namespace postern::imap
