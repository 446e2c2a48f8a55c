// How a test waits without a clock: a thread's mailbox that it empties itself, a log, and who is told by a
// port.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/log_sink.h"
#include "record/audit_trail.h"

namespace postern::audit {

// As net::Mailbox, without a loop: run() takes messages until something is true.
class Inbox {
 public:
  std::function<void(std::function<void()>)> post() {
    return [this](std::function<void()> message) {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
      arrived_.notify_all();
    };
  }
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return !messages_.empty(); });
      run_one(lock);
    }
  }
  // What is there already.
  void run_all() {
    std::unique_lock lock(mutex_);
    while (!messages_.empty()) {
      run_one(lock);
      lock.lock();
    }
  }

 private:
  void run_one(std::unique_lock<std::mutex>& lock) {
    const std::function<void()> message = std::move(messages_.front());
    messages_.pop_front();
    lock.unlock();
    message();
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> messages_;
};

class WaitedLog final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return true; }
  void log(LogLevel, std::string_view event, std::string_view,
           std::initializer_list<LogField> fields) override {
    std::string line(event);
    for (const LogField& field : fields) line.append(" ").append(field.key).append("=").append(field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    said_.notify_all();
  }
  // Waits until so many lines have this text in them; returns the last.
  std::string wait_for(const std::string& text, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    said_.wait(lock, [&] { return matching(text).size() >= times; });
    return matching(text).back();
  }
  std::size_t count(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return matching(text).size();
  }

 private:
  std::vector<std::string> matching(const std::string& text) const {
    std::vector<std::string> out;
    for (const std::string& line : lines_)
      if (line.find(text) != std::string::npos) out.push_back(line);
    return out;
  }

  std::mutex mutex_;
  std::condition_variable said_;
  std::vector<std::string> lines_;
};

// Remembers what it was told of each hold.
class Told final : public AuditWaiter {
 public:
  void recorded(std::uint64_t hold, bool granted) noexcept override {
    answers[hold] = granted;
    if (then) then(hold, granted);
  }
  std::map<std::uint64_t, bool> answers;
  std::function<void(std::uint64_t, bool)> then;
};

}  // namespace postern::audit
