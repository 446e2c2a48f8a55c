// Finds where an upstream's responses begin and end, and says what each one is by its head (RFC 9051 §7;
// protocol.md §1). Fed whole, octet by octet or cut anywhere it gives the same responses; only the ranges
// between two events may differ. Pure, single-threaded. It owns at most the head of an incomplete line
// (kHeadBytes), a line with capabilities or a "+" line, which are gathered whole (kGatherBytes,
// kContinuationBytes); all else is passed as ranges of the input, without reading the literals.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error_code.h"
#include "base/octets.h"
#include "imap/held_octets.h"
#include "imap/response.h"

namespace postern::imap {

enum class ResponseEvent : std::uint8_t {
  NeedMore,   // everything given was consumed
  Head,       // response() says what it is; octets() are its first octets; complete() if it ends with them
  More,       // octets() are the next octets of the same response; complete() likewise
  Malformed,  // error(): the framing is lost, the session has to end; excerpt() quotes at most 16 octets
};

class ResponseScanner {
 public:
  static constexpr std::size_t kHeadBytes = 512;
  static constexpr std::size_t kGatherBytes = 64 * 1024;  // a line with capabilities, line end included
  static constexpr std::size_t kContinuationBytes =
      96 * 1024 + 16;  // a "+" line: a SASL challenge of limits.sasl

  ResponseEvent next(Octets& in);  // consumes from the front of `in`

  // Frees what the last event borrowed, if its borrower is done before the next call.
  void release() noexcept;

  const Response& response() const noexcept { return response_; }
  Octets octets() const noexcept { return octets_; }  // line ends and literals included, as they came
  bool complete() const noexcept { return complete_; }
  ErrorCode error() const noexcept { return error_; }
  Octets excerpt() const noexcept { return octets_; }
  // Between two responses: here, and only here, the gateway may put in an answer of its own. A head that is
  // still held counts as not begun, since nothing of it was passed on.
  bool at_boundary() const noexcept { return state_ == State::Start; }
  std::size_t held_octets() const noexcept { return held_.capacity(); }

 private:
  enum class State : std::uint8_t { Start, Line, Literal, Broken };

  // Follows one line up to its end: is it inside quotes, and does it end in `{n}`? (RFC 9051 §4.3)
  struct LineTail {
    enum class Phase : std::uint8_t { None, Open, Digits, Plus, Closed, ClosedCr };
    bool quoted = false;
    bool escaped = false;
    bool zero_first = false;
    bool odd = false;  // looks like a literal, but is none that can be framed
    Phase phase = Phase::None;
    std::uint64_t value = 0;

    void feed(Octets octets) noexcept;
    void step(char c) noexcept;
    void digit(char c) noexcept;
    bool ends_in_literal() const noexcept { return phase == Phase::Closed || phase == Phase::ClosedCr; }
  };

  ResponseEvent start_in_place(Octets& in);
  ResponseEvent start_held(Octets& in);
  ResponseEvent emit(ResponseEvent event, Octets& in, std::size_t from) noexcept;
  ResponseEvent emit_held(bool line_ended) noexcept;
  ResponseEvent fail(ErrorCode code, Octets at) noexcept;
  bool classify(Octets line, bool whole) noexcept;
  void classify_untagged(Octets word, Octets rest) noexcept;
  bool classify_status(Octets word, Octets rest, bool whole) noexcept;
  void choose_gathering() noexcept;
  bool judge_whole_line(Octets line) noexcept;
  void judge_at_once(Octets line) noexcept;
  bool end_line() noexcept;
  std::size_t walk(Octets in, std::size_t from) noexcept;

  Response response_;
  Octets octets_;
  HeldOctets held_;  // the head of an incomplete line, or a line that is gathered
  LineTail tail_;
  std::uint64_t remaining_ = 0;   // octets of the literal that are still to come
  std::size_t gather_limit_ = 0;  // of the present line; 0 = not gathered
  State state_ = State::Start;
  bool release_ = false;         // the last event borrowed from held_
  bool gathering_ = false;       // held_ has been classified and grows up to gather_limit_
  bool opaque_ = false;          // text to the line end: no literal can open in it
  bool behind_literal_ = false;  // the next octet follows on those of a literal
  bool fresh_ = false;           // nothing of the present line has been passed on yet
  bool complete_ = false;
  ErrorCode error_ = ErrorCode::Ok;
};

}  // namespace postern::imap
