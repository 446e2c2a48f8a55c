#include "audit/writer/waker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace postern::audit {

Waker::Waker() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_ < 0) std::abort();
}

Waker::~Waker() { close(event_); }

void Waker::ring() noexcept {
  // Only the first of those who find it asleep pays for the call.
  if (state_.exchange(State::Awake, std::memory_order_seq_cst) != State::Awake) order();
}

void Waker::order() noexcept {
  const std::uint64_t one = 1;
  // It fails only if the counter is full, and then it is readable anyway.
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

void Waker::sleep(std::chrono::milliseconds at_most) noexcept {
  constexpr std::chrono::milliseconds::rep kMost = std::numeric_limits<int>::max();
  pollfd event{event_, POLLIN, 0};
  if (poll(&event, 1, static_cast<int>(std::min(at_most.count(), kMost))) > 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_, &count, sizeof count);
  }
  rise();
}

}  // namespace postern::audit
