// One epoll instance, level-triggered, and the loop over it. Used by one thread. A watcher may remove itself
// or others while events are delivered: retire() keeps it alive until the batch of events is through.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/socket.h"

namespace postern::bench {

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void ready(std::uint32_t events) = 0;
};

class Poller {
 public:
  Poller();

  void add(int fd, std::uint32_t events, Watcher& watcher);
  void change(int fd, std::uint32_t events, Watcher& watcher);
  void retire(std::unique_ptr<Watcher> watcher) { retired_.push_back(std::move(watcher)); }
  void step(int timeout_ms);  // waits once, calls ready() of each watcher that has something

 private:
  Fd epoll_;
  std::array<epoll_event, 512> events_{};
  std::vector<std::unique_ptr<Watcher>> retired_;
};

}  // namespace postern::bench
