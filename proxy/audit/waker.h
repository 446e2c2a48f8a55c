// How the writer's thread sleeps and is woken, so that a record costs no system call while it is awake or
// will look again soon anyway.
//
// Asleep: any record wakes it. Napping: it looks again within milliseconds; only a record that somebody waits
// for, or a ring that fills up, wakes it. Who sleeps announces it first and looks at the rings again after
// that; who pushes does so first and reads the announcement after that: one of the two sees the other.
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
  void nudge(bool urgent) noexcept {
    if (urgent) urgent_.store(true, std::memory_order_seq_cst);
    const State state = state_.load(std::memory_order_seq_cst);
    if (state == State::Asleep || (state == State::Napping && urgent)) ring();
  }
  // Any thread: wakes it, or keeps it from the next sleep.
  void order() noexcept;

  // The writer's thread: announces a sleep; to be followed by a look at the rings, or for a nap at
  // is_urgent(), and then by sleep() or rise().
  void lie_down(bool nap) noexcept {
    state_.store(nap ? State::Napping : State::Asleep, std::memory_order_seq_cst);
  }
  bool is_urgent() const noexcept { return urgent_.load(std::memory_order_seq_cst); }
  void calm() noexcept { urgent_.store(false, std::memory_order_seq_cst); }  // before the look at the rings
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
