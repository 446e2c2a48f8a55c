// The inside of Writer, in four files: writer.cc (what others call), life.cc (how the thread begins and
// ends), writing.cc (take, seal, write, sync, tell), files.cc (rotation, reopening, a file that was cut or
// removed). Members are the writer's thread's alone but for those marked.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "audit/writer/opening.h"
#include "audit/writer/output.h"
#include "audit/writer/port.h"
#include "audit/writer/sealer.h"
#include "audit/writer/writer.h"

namespace postern::audit {

struct Writer::Impl {
  using Clock = std::chrono::steady_clock;
  enum class Trouble : std::uint8_t { None, Write, Sync };
  struct Producer {
    Producer(Gate& gate, Post post) : port(gate, std::move(post)) {}
    Port port;
    std::uint64_t awaited = 0;  // position up to which somebody waits
    std::uint64_t settled = 0;  // … and was told
  };

  Impl(Options options, Opened opened);

  // writer.cc; the callers' threads
  AuditTrail& add_producer(Post post);
  void configure(const config::Audit& settings);
  void stop(Duration at_most);
  WriterStatus status() const;

  // life.cc
  void run();  // the thread
  void begin();
  void finish();
  bool write_everything();
  void apply_orders();
  void apply(const config::Audit& settings);

  // writing.cc
  void turn();
  bool gather();
  void tell_gaps();
  void checkpoint_if_due(Clock::time_point now);
  void checkpoint();
  bool flush(bool durably);
  bool must_sync(Clock::time_point now) const;
  bool sync();
  void settle();
  bool persist(bool clean);
  void rest();
  Clock::time_point next_deadline() const;
  bool rings_empty();
  void fail(Trouble trouble, const std::string& reason);
  void mend();
  void seal(Body body, Outcome outcome = Outcome::Success);

  // files.cc
  void rotate(Clock::time_point now);
  void prune();
  void reopen();
  bool watch_file(Clock::time_point now);
  bool replace_removed();
  void tell_size(std::uint64_t size);
  void leave_for(std::unique_ptr<File> file, const FileStatus& status, std::optional<Body> first);
  std::optional<FileStatus> usable(const Result<std::unique_ptr<File>>& file, std::string& why);
  TrailRotate rotate_record(std::string next, std::string previous) const;
  bool ends_in_line_end(std::uint64_t size);

  // Any thread; nothing once the thread was left alone.
  void say(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

  const std::string path_;
  const std::string version_;
  const Intervals intervals_;
  LogSink* const log_;
  const std::shared_ptr<Disk> disk_;
  config::Audit settings_;

  Gate gate_;                       // any thread
  std::deque<Producer> producers_;  // the list: fixed by start()
  Opened opened_;                   // what begin() has to tell; then only the keys
  FileIdentity identity_;
  Output output_;
  Sealer sealer_;

  Trouble trouble_ = Trouble::None;
  Trouble last_trouble_ = Trouble::None;
  Clock::time_point retry_at_{};
  Clock::time_point dirty_since_{};
  Clock::time_point uncovered_since_{};
  Clock::time_point watched_at_{};
  Clock::time_point state_at_{};
  Clock::time_point rotate_again_at_{};
  bool took_ = false;  // the last turn found something …
  bool more_ = false;  // … and left something
  bool state_due_ = false;
  bool prune_due_ = false;
  bool state_failed_ = false;
  bool moved_told_ = false;
  std::size_t first_producer_ = 0;            // whose ring is looked at first: each in turn
  std::uint64_t synced_sequence_ = 0;         // all up to this record is on disk
  std::uint64_t opened_sequence_ = 0;         // of the last record when this file was opened
  std::array<std::uint64_t, 2> gaps_told_{};  // by Port::Cause

  std::thread thread_;
  std::promise<void> ended_;
  std::mutex orders_mutex_;
  std::optional<config::Audit> new_settings_;  // with the mutex
  std::atomic<bool> configure_{false};         // any thread
  std::atomic<bool> reopen_{false};            // any thread
  std::atomic<bool> stopping_{false};          // any thread
  Clock::time_point stop_until_{};             // written before stopping_
  mutable std::mutex outside_mutex_;           // held while something outside is called
  bool abandoned_ = false;                     // with the mutex

  // For status(): any thread.
  std::atomic<std::uint64_t> sequence_{0};
  std::atomic<double> last_write_{0};
  std::array<std::atomic<std::uint64_t>, WriterStatus::kSyncBounds.size() + 1> syncs_{};
  std::atomic<double> sync_seconds_{0};
};

}  // namespace postern::audit
