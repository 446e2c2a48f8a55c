// Messages between threads: a mutex, a deque, and a uv_async that wakes the receiver's loop. Few and rare
// (reload, drain, a new UpstreamView); nothing of the data path goes this way. Any thread may post(); the
// handler runs on the receiver's loop thread.
#pragma once

#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace postern::net {

class Mailbox {
 public:
  using Message = std::function<void()>;

  Mailbox() = default;
  ~Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void open(uv_loop_t* loop);  // the receiver's thread, before anybody posts
  void post(Message message);
  void close();  // the receiver's thread; what was posted and not yet run is dropped

 private:
  void deliver();

  uv_async_t async_{};
  std::mutex mutex_;
  std::deque<Message> messages_;
  bool open_ = false;
};

}  // namespace postern::net
