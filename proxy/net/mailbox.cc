#include "net/mailbox.h"

#include <system_error>
#include <utility>

namespace postern::net {

void Mailbox::open(uv_loop_t* loop) {
  const auto wake = [](uv_async_t* async) { static_cast<Mailbox*>(async->data)->deliver(); };
  if (const int rc = uv_async_init(loop, &async_, wake); rc != 0)
    throw std::system_error(-rc, std::generic_category(), "cannot open a mailbox");
  async_.data = this;
  const std::lock_guard lock(mutex_);
  open_ = true;
}

void Mailbox::post(Message message) {
  // The lock is held while libuv is called, so that close() cannot come in between.
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  messages_.push_back(std::move(message));
  uv_async_send(&async_);
}

void Mailbox::close() {
  std::deque<Message> dropped;
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  open_ = false;
  dropped.swap(messages_);
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
}

void Mailbox::deliver() {
  // One at a time: a message may post others, or close the mailbox and so drop those behind it. What is
  // posted meanwhile waits for the next wake-up, so that two threads that answer each other cannot hold the
  // loop.
  std::size_t batch;
  {
    const std::lock_guard lock(mutex_);
    batch = messages_.size();
  }
  for (; batch > 0; --batch) {
    Message message;
    {
      const std::lock_guard lock(mutex_);
      if (messages_.empty()) return;
      message = std::move(messages_.front());
      messages_.pop_front();
    }
    message();
  }
}

}  // namespace postern::net
