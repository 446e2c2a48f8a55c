// How a session ends. It is left in one direction only; while it is Leaving or Dismissed the reason stands,
// and what is under way is still answered. A value; single-threaded.
//
//   Open ─┬─the order to drain────► Draining ──┬─nothing runs, or its time is over──► Over ─► Closed
//         ├─the client has ended──► Leaving ───┤ all that is complete is answered ─┘
//         └─a rule wants it gone──► Dismissed ─┘ all that was sent before is answered
//
// Whatever cannot wait (a fault, a clock, LOGOUT) leads to Over at once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/error_code.h"

namespace postern::session {

class Ending {
 public:
  enum class State : std::uint8_t {
    Open,
    Draining,   // no command is begun any more
    Leaving,    // the client will send nothing more
    Dismissed,  // no command is begun any more
    Over,       // BYE is said, if it could be: nothing more will be
    Closed,     // Close is given out
  };

  void drain() noexcept {
    if (state_ == State::Open) state_ = State::Draining;
  }
  void leave(ErrorCode reason) noexcept {
    if (state_ != State::Open && state_ != State::Draining) return;
    state_ = State::Leaving;
    reason_ = reason;
  }
  void dismiss(ErrorCode reason, std::string text) {
    state_ = State::Dismissed;
    reason_ = reason;
    text_ = std::move(text);
  }
  void say_bye() noexcept { state_ = State::Over; }
  void close() noexcept { state_ = State::Closed; }

  State state() const noexcept { return state_; }
  bool over() const noexcept { return state_ >= State::Over; }
  // Of a session that ends when what is under way is answered.
  bool has_reason() const noexcept { return state_ == State::Leaving || state_ == State::Dismissed; }
  ErrorCode reason() const noexcept { return reason_; }
  const std::string& text() const noexcept { return text_; }  // of the BYE; empty: the reason's

 private:
  State state_ = State::Open;
  ErrorCode reason_ = ErrorCode::Ok;
  std::string text_;
};

}  // namespace postern::session
