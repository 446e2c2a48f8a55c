#include "common/poller.h"

#include <cerrno>

#include "common/options.h"

namespace postern::bench {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.valid()) die("epoll_create1 failed");
}

void Poller::add(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  if (::epoll_ctl(*epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl failed");
}

void Poller::change(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  if (::epoll_ctl(*epoll_, EPOLL_CTL_MOD, fd, &event) != 0) die("epoll_ctl failed");
}

void Poller::step(int timeout_ms) {
  const int count = ::epoll_wait(*epoll_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
  if (count < 0 && errno != EINTR) die("epoll_wait failed");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->ready(event.events);
  }
  retired_.clear();
}

}  // namespace postern::bench
