// Counts the sessions of all workers against limits.sessions.total. Shared by the workers, asked at accept
// and at a session's end only. At the limit every worker stops accepting, so that connections wait in the
// kernel or go to another instance; whoever made the count cross the limit tells all of them to look again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace postern::server {

class SessionGate {
 public:
  // `crossed` may be called by any thread; it is set before the workers start.
  void on_crossing(std::function<void()> crossed) { crossed_ = std::move(crossed); }
  void set_limit(std::uint64_t limit) {  // 0 = none
    limit_.store(limit);
    if (crossed_) crossed_();
  }

  // False: this one is too many and was not counted.
  bool enter() {
    const std::uint64_t limit = limit_.load();
    const std::uint64_t count = count_.fetch_add(1) + 1;
    if (limit != 0 && count == limit) crossed_();
    if (limit == 0 || count <= limit) return true;
    leave();
    return false;
  }
  void leave() {
    if (count_.fetch_sub(1) == limit_.load()) crossed_();
  }
  bool full() const noexcept {
    const std::uint64_t limit = limit_.load();
    return limit != 0 && count_.load() >= limit;
  }
  std::uint64_t count() const noexcept { return count_.load(); }

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> limit_{0};
  std::function<void()> crossed_;
};

}  // namespace postern::server
