// The one thread that writes the trail: takes the records out of the workers' rings, seals them, writes them
// in batches, and flushes for all that wait at once (group commit). Nothing else touches the file.
//
// A write that fails is gone on with where it stopped, once a second: nothing of what was taken is lost.
// Until then nothing is granted (on_failure: deny), or everything is (allow). A flush that fails is never
// tried again on the same file: what the kernel threw away cannot be known; reopen() or a restart makes a new
// beginning.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "audit/trail/disk.h"
#include "audit/trail/json.h"
#include "base/log_sink.h"
#include "base/result.h"
#include "config/audit.h"
#include "record/audit_trail.h"

namespace postern::audit {

// What the metrics show; relaxed, any thread.
struct WriterStatus {
  bool up = true;
  std::uint64_t sequence = 0;
  double last_write_seconds = 0;  // Unix time
  std::uint64_t queue_length = 0;
  std::uint64_t queue_capacity = 0;
  std::array<std::uint64_t, kEvents> events{};
  std::uint64_t dropped_queue_full = 0;
  std::uint64_t dropped_write_error = 0;
  static constexpr std::array<double, 9> kSyncBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2};
  std::array<std::uint64_t, kSyncBounds.size() + 1> syncs{};  // not cumulative
  double sync_seconds = 0;
};

// How often something is done that is not asked for. Tests are in more of a hurry.
struct Intervals {
  Duration checkpoint = std::chrono::minutes(1);  // after the first record that none covers
  Duration retry = std::chrono::seconds(1);       // a write that failed
  Duration watch = std::chrono::seconds(1);       // whether the file was cut, moved or removed
  Duration state = std::chrono::seconds(1);       // FILE.state is written at most so often
};

class Writer {
 public:
  struct Options {
    config::Audit settings;
    std::string node;
    std::string instance;  // random: stands for the session in the ids of the process's own records
    std::string version;
    LogSink* log = nullptr;        // outlives the writer
    std::shared_ptr<Disk> disk{};  // null: the real one
    Intervals intervals{};
  };

  // Opens the file, reads its state and finds out what a crash has left. The error says what to do. Before
  // this the process has become its user.
  static Result<std::unique_ptr<Writer>> open(Options options);
  ~Writer();  // as stop()
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // A place for the records of one thread, which is told by `post` (as Mailbox::post: runs the function on
  // that thread) what became of them. Before start(). Lives as long as the writer.
  using Post = std::function<void(std::function<void()>)>;
  AuditTrail& add_producer(Post post);

  void start();  // the thread; its first record is audit.start, or audit.recovered
  // A reload: events are the sessions' business; on_failure, flush_interval, rotate and redact change here.
  void configure(const config::Audit& settings);  // any thread
  void reopen();                                  // SIGUSR1; any thread
  // Takes what is in the rings, writes audit.stop and a checkpoint, and ends the thread; gives up after so
  // long. No producer writes any more.
  void stop(Duration at_most);

  bool writable() const noexcept;  // any thread: what must be recorded can be
  WriterStatus status() const;     // any thread

 private:
  struct Impl;
  explicit Writer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // the thread's too: it may have to be left alone in a call that does not end
};

}  // namespace postern::audit
