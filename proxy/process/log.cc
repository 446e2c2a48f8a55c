#include "process/log.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "telemetry/log_line.h"

namespace postern::server {
namespace {

constexpr int kPatienceMs = 200;            // how often a stuck writer looks whether the process wants to end
constexpr std::int64_t kFarewellMs = 1000;  // how long the last lines may take
constexpr std::string_view kStandardError = "-";

// Standard error is nobody's own: an invalid Descriptor stands for it.
Result<Descriptor> open_file(const std::string& path) {
  if (path == kStandardError) return Descriptor();
  Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640));
  if (!file.valid()) return Error{ErrorCode::FileUnreadable, path + ": " + std::strerror(errno)};
  return file;
}

// Writes whole lines to a descriptor. spdlog's worker thread is its only writer; configuration comes from the
// main thread, under base_sink's mutex.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void replace(Descriptor descriptor) {
    const std::lock_guard lock(mutex_);
    descriptor_ = std::move(descriptor);
  }
  // The process ends: what cannot be written within kFarewellMs is given up.
  void hurry() noexcept { deadline_ms_.store(now_ms() + kFarewellMs, std::memory_order_relaxed); }
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
      if (!writable()) return count_lost();
      const ssize_t written = ::write(fd(), rest.data(), rest.size());
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        return count_lost();
      }
    }
  }
  void flush_() override {}

 private:
  int fd() const noexcept { return descriptor_.valid() ? descriptor_.fd() : STDERR_FILENO; }
  // A pipe that polls writable takes PIPE_BUF octets without blocking, so a line (shorter, as a rule) never
  // catches this thread inside write().
  bool writable() const {
    for (;;) {
      const std::int64_t deadline = deadline_ms_.load(std::memory_order_relaxed);
      const std::int64_t left =
          deadline == 0 ? kPatienceMs : std::clamp<std::int64_t>(deadline - now_ms(), 0, kPatienceMs);
      pollfd poll_set{fd(), POLLOUT, 0};
      const int ready = ::poll(&poll_set, 1, static_cast<int>(left));
      if (ready > 0) return true;
      if (ready == 0 && left == 0) return false;
      if (ready < 0 && errno != EINTR) return false;
    }
  }
  static std::int64_t now_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  void count_lost() noexcept { lost_.fetch_add(1, std::memory_order_relaxed); }

  Descriptor descriptor_;
  std::atomic<std::int64_t> deadline_ms_{0};  // 0: there is all the time in the world
  std::atomic<std::uint64_t> lost_{0};
};

// Whether standard error is the journal's socket, which stamps the time itself and reads <N> as the priority
// (systemd.exec(5), $JOURNAL_STREAM).
bool is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

std::string_view journal_priority(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 4> kPriorities{"<7>", "<6>", "<4>", "<3>"};
  return kPriorities[static_cast<std::size_t>(level)];
}

}  // namespace

struct Log::Impl {
  std::atomic<std::uint8_t> level{1};
  std::atomic<bool> json{false};
  std::atomic<bool> journal{false};
  std::string file;                 // main thread only
  std::optional<config::Log> next;  // likewise: whose file is opened …
  Descriptor next_descriptor;       // … here
  std::shared_ptr<DescriptorSink> sink = std::make_shared<DescriptorSink>();
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "postern", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
  std::array<std::atomic<std::uint64_t>, 4> messages{};

  void apply(const config::Log& settings, Descriptor descriptor) {
    sink->replace(std::move(descriptor));
    file = settings.file;
    level.store(settings.level, std::memory_order_relaxed);
    json.store(settings.format == config::LogFormat::Json, std::memory_order_relaxed);
    journal.store(settings.file == kStandardError && is_journal(), std::memory_order_relaxed);
  }
};

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Log::~Log() {
  // The pool's destructor writes what is queued and joins its thread; a reader that has stopped reading may
  // not keep the process from ending. Every queued line holds the logger: only when the thread is gone is
  // this its last owner, and the logger ends on this thread, never on that one.
  impl_->sink->hurry();
  impl_->pool.reset();
}

Result<std::unique_ptr<Log>> Log::open(const config::Log& settings) {
  auto log = std::unique_ptr<Log>(new Log(std::make_unique<Impl>()));
  log->impl_->logger->set_level(spdlog::level::trace);  // wants() has decided already
  if (auto done = log->open_next(settings); !done) return done.error();
  log->take_next();
  return log;
}

Result<void> Log::open_next(const config::Log& settings) {
  auto descriptor = open_file(settings.file);
  if (!descriptor) return descriptor.error();
  impl_->next = settings;
  impl_->next_descriptor = std::move(*descriptor);
  return {};
}

void Log::take_next() {
  if (!impl_->next) return;
  impl_->apply(*impl_->next, std::exchange(impl_->next_descriptor, Descriptor()));
  impl_->next.reset();
}

Result<void> Log::reopen() {
  auto descriptor = open_file(impl_->file);
  if (!descriptor) return descriptor.error();
  impl_->sink->replace(std::move(*descriptor));
  return {};
}

bool Log::wants(LogLevel level) const noexcept {
  return static_cast<std::uint8_t>(level) >= impl_->level.load(std::memory_order_relaxed);
}

void Log::log(LogLevel level, std::string_view event, std::string_view session,
              std::initializer_list<LogField> fields) {
  if (!wants(level)) return;
  impl_->messages[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  const bool journal = impl_->journal.load(std::memory_order_relaxed);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string time =
      journal ? "" : timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const LogLine line{time, level, event, session, {fields.begin(), fields.size()}};
  std::string text(journal ? journal_priority(level) : "");
  text += impl_->json.load(std::memory_order_relaxed) ? json_line(line) : text_line(line);
  impl_->logger->log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

std::uint64_t Log::messages(LogLevel level) const noexcept {
  return impl_->messages[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::uint64_t Log::dropped() const noexcept { return impl_->pool->overrun_counter() + impl_->sink->lost(); }

}  // namespace postern::server
