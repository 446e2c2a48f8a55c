// How the writer's thread sleeps and is woken, so that a record costs no system call while it is awake or
// will look again soon anyway.
//
// Asleep: any record wakes it. Napping: it looks again within milliseconds; only a record that somebody waits
// for, or a ring that fills up, wakes it.
//
// No wake-up is lost, since each side stores first and loads what the other has stored after that:
//
//   who pushes                        who sleeps
//   Ring::push   head    = position   announce_sleep  state_ = Asleep or Napping
//   notify       urgent_ = true       is_urgent       urgent_ ?
//   notify       state_ ?             Ring::empty     head ?
//
// Acquire and release would let both sides miss the other's store, for they order no store before a later
// load of something else. So all of these are sequentially consistent: there is one order of them, the last
// of the stores is in it before both loads of the other side, and one of the two sees the other. They are
// operations and no fences because ThreadSanitizer does not know fences.
//
// take_urgency() takes it back before the rings are looked at, and their indices are loaded there in acquire
// order only. It is an exchange: who takes an urgency back has read it, and sees what was pushed before.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace postern::audit {

class Waker {
 public:
  Waker();  // aborts if the process has no descriptor left for it
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  // Any thread, after its push. Urgent: even out of a nap.
  void notify(bool urgent) noexcept {
    if (urgent) urgent_.store(true, std::memory_order_seq_cst);
    const State state = state_.load(std::memory_order_seq_cst);
    if (state == State::Asleep || (state == State::Napping && urgent)) ring();
  }
  // Any thread: wakes it, or keeps it from the next sleep.
  void order() noexcept;

  // The writer's thread: announces a sleep; to be followed by a look at the rings, or for a nap at
  // is_urgent(), and then by sleep() or rise().
  void announce_sleep(bool nap) noexcept {
    state_.store(nap ? State::Napping : State::Asleep, std::memory_order_seq_cst);
  }
  bool is_urgent() const noexcept { return urgent_.load(std::memory_order_seq_cst); }
  // Before the look at the rings.
  void take_urgency() noexcept { urgent_.exchange(false, std::memory_order_seq_cst); }
  // Relaxed: who reads the old state meanwhile wakes somebody who is awake, which costs a call and no record.
  void rise() noexcept { state_.store(State::Awake, std::memory_order_relaxed); }
  // Until it is woken, or for so long; negative: without end.
  void sleep(std::chrono::milliseconds at_most) noexcept;

 private:
  enum class State : std::uint8_t { Awake, Napping, Asleep };
  void ring() noexcept;

  std::atomic<State> state_{State::Awake};
  std::atomic<bool> urgent_{false};
  int event_ = -1;
};

}  // namespace postern::audit
