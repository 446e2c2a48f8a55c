// Finds where a client's commands, literals and lines begin and end (RFC 9051 §9, RFC 7888, RFC 3516; the
// strictness is protocol.md §1). Fed whole, octet by octet or cut anywhere it gives the same events.
// Pure, single-threaded; owns what is incomplete (at most limits.line, or .authenticate, and
// limits.arguments octets, wiped when released), never a message body.
//
// Theory of operation. The scanner is pulled: the caller hands it what it has, the scanner consumes from the
// front and answers with one event.
//
//            ┌────────── Head (no body) ◄──┐
//   command ─┤                             ├─ ArgumentLiteral → (caller answers "+") ─┐
//            └─ Head (with body) ─┐        └──────────────────────────────────────────┘
//                                 ▼
//                     Body … Body(last) ─► Part (with body) ─► Body …
//                                     └──► End
//
// At each Head, Part and ArgumentLiteral the caller decides. To refuse it calls refuse(): from there on the
// rest of the command is consumed unseen, up to its final line end or to a synchronising literal that nobody
// will ask for, and reported once as Swallowed; that is the moment for the tagged NO or BAD. Where a
// synchronising literal has just been announced (ArgumentLiteral, or a Head or Part whose body is
// synchronising) the refusal itself takes the place of the "+", the very next octet starts a new command, and
// Swallowed comes at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error_code.h"
#include "base/octets.h"
#include "imap/command.h"
#include "imap/command_grammar.h"
#include "imap/command_line.h"
#include "imap/grammar.h"
#include "imap/held_octets.h"

namespace postern::imap {

struct CommandLimits {
  std::size_t line = 64 * 1024;          // octets of a command, literals aside
  std::size_t arguments = 64 * 1024;     // octets of all argument literals of one command together
  std::size_t authenticate = 0;          // of a line with AUTHENTICATE, if that is more: it may bring a token
  std::uint64_t unasked = kNumber64Max;  // of one argument literal that is not synchronising (LITERAL-)
};

enum class CommandEvent : std::uint8_t {
  NeedMore,         // everything given was consumed
  Head,             // command() is a whole command, or all of it before its first message body
  ArgumentLiteral,  // a synchronising argument literal was announced (argument()); the client waits for "+"
  Body,             // octets() are the next octets of the message body; last() says that it is complete
  Part,             // command() is the text behind a body, up to the next body's literal
  End,              // command() is the text behind the last body; its line end was consumed
  Swallowed,        // the rest of a refused command is consumed
  Line,             // next_line(): octets() is one line without its line end
  Malformed,        // error(); certain() says whether the extent is known (BAD and go on) or not (BYE, close)
};

class CommandScanner {
 public:
  explicit CommandScanner(CommandLimits limits) noexcept : limits_(limits) {}

  // Consumes from the front of `in`. What an event borrows lies in `in` or in the scanner and is valid until
  // the next call. After Malformed with !certain() the scanner must not be used again.
  // A Malformed that is certain comes when the command's extent has been consumed; command().tag is its tag
  // if that was well-formed (safe to echo), else empty. At ArgumentLiteral command() is what has been read so
  // far, to before the literal's announcement.
  CommandEvent next(Octets& in);

  // The next line as it is, for AUTHENTICATE's responses and for IDLE: no tag, no literals. At most `limit`
  // octets without the line end, else Malformed (LineTooLong, not certain).
  CommandEvent next_line(Octets& in, std::size_t limit);

  // To be called directly after the event that it answers: the next call of next(), even with no octets, says
  // that a synchronising literal was asked for.
  void refuse() noexcept;

  // What an APPEND may hold from the next command on.
  void expect(AppendForms forms) noexcept { forms_ = forms; }
  // Behind a body: the upstream would take another message where the present part begins.
  bool is_between_messages() const noexcept { return between_messages_; }

  // Frees and wipes what the last event borrowed, if its borrower is done before the next call.
  void release() noexcept {
    if (settle_) settle();
  }

  const Command& command() const noexcept { return command_; }
  Command& command() noexcept { return command_; }  // a filter may edit the value
  const LiteralInfo& argument() const noexcept { return argument_; }
  // At ArgumentLiteral: with it the command's literals exceed the limit; it has to be refused.
  bool argument_is_too_large() const noexcept { return too_large_; }
  Octets octets() const noexcept { return octets_; }
  bool last() const noexcept { return last_; }
  ErrorCode error() const noexcept { return error_; }
  bool certain() const noexcept { return certain_; }
  // Nothing of a command has been consumed yet: the next octet starts one.
  bool at_boundary() const noexcept { return state_ == State::Line && first_ && (settle_ || held_.empty()); }
  std::size_t held_octets() const noexcept { return held_.capacity(); }

 private:
  static constexpr std::size_t kArgumentLiterals = 1024;  // of one command; each costs more than its octets

  enum class State : std::uint8_t {
    Line,       // reading a line of the command, up to its end or to a literal
    Argument,   // reading the octets of an argument literal
    Body,       // passing the octets of a message body
    Skip,       // swallowing the octets of a literal
    Swallowed,  // the refused command has ended; not yet reported
    Broken,
  };
  struct HeadShape {  // offsets into the head's text
    std::size_t tag_size = 0, name_at = 0, name_size = 0, args_at = 0;
  };
  enum class Taken : std::uint8_t { Line, Part, TooLong };

  CommandEvent read_line(Octets& in, bool& again);
  CommandEvent judge_line(Octets line, bool& again);
  CommandEvent judge_plain_command(Octets line);
  CommandEvent finish_unit(Octets line);
  CommandEvent announce_body(Octets line, const CommandLine& scan);
  CommandEvent announce_argument(Octets line, const CommandLine& scan, bool& again);
  CommandEvent swallow_line(const CommandLine& scan, bool& again);
  CommandEvent read_argument(Octets& in, bool& again);
  CommandEvent read_body(Octets& in) noexcept;
  CommandEvent skip(Octets& in, bool& again) noexcept;
  CommandEvent end_swallowing() noexcept;
  CommandEvent fail(ErrorCode code) noexcept;
  std::size_t line_room(Octets in) const noexcept;
  Taken take_line(Octets& in, std::size_t room, Octets& line);
  bool parse_head(Octets line, bool literal_follows) noexcept;
  void begin_swallowing(Octets line);
  bool numbers_fit(Octets line) noexcept;
  bool fits(Octets line, const CommandLine& scan, bool head) noexcept;
  Octets unit_text(Octets line);
  void publish(Octets text) noexcept;
  void settle() noexcept;
  void reset() noexcept;
  bool in_place() const noexcept { return held_.size() == line_start_; }
  std::size_t held_most() const noexcept {
    return limits_.line + limits_.arguments + 2 * kArgumentLiterals + 1;
  }

  CommandLimits limits_;
  Command command_;
  LiteralInfo argument_;
  Octets octets_;
  HeldOctets held_;  // an incomplete line, or a head with argument literals; a malformed command's tag
  HeadShape shape_;
  AppendForms forms_;
  CommandGrammar grammar_;                                         // of a command with a literal
  CommandGrammar::Place place_ = CommandGrammar::Place::Argument;  // of the literal that the line announces
  ArgumentLiteral pending_;                                        // the argument literal that is being read
  std::size_t line_start_ = 0;                                     // where in held_ the present line begins
  std::size_t depth_ = 0;                                          // of open parentheses
  std::size_t used_ = 0;             // octets of this command's lines, for limits_.line
  std::size_t argument_octets_ = 0;  // octets of its argument literals, for limits_.arguments
  std::uint64_t remaining_ = 0;      // octets of the literal that are still to come
  State state_ = State::Line;
  Verb verb_ = Verb::Unknown;
  bool uid_ = false;
  bool first_ = true;  // the next line is a command's first
  bool part_ = false;  // behind a body
  bool between_messages_ = false;
  bool behind_literal_ = false;  // the line follows directly on the octets of a literal
  bool at_stop_ = false;         // the last event announced a synchronising literal or ended the command
  bool too_large_ = false;       // … that nobody can want
  bool refused_ = false;         // swallowing
  bool malformed_ = false;       // … for a malformed head: ends in Malformed, not in Swallowed
  bool settle_ = false;          // the last event ended a head, a part or a command
  bool last_ = false;
  bool certain_ = true;
  ErrorCode error_ = ErrorCode::Ok;
};

}  // namespace postern::imap
