// What the writer's thread does all day: take, seal, write, sync, tell.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "audit/trail/state.h"
#include "audit/writer/writer_impl.h"

namespace postern::audit {
namespace {

constexpr std::size_t kBatchBytes = 256 * 1024;
constexpr std::uint64_t kCheckpointRecords = 1000;
// Who has just had work looks again so soon, and is not woken before but for what somebody waits for.
constexpr std::chrono::milliseconds kNap{2};

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

template <typename T>
void add(std::atomic<T>& to, T what) {  // one thread writes it
  to.store(to.load(std::memory_order_relaxed) + what, std::memory_order_relaxed);
}

}  // namespace

// Once around.
void Writer::Impl::turn() {
  const auto now = Clock::now();
  took_ = more_ = false;
  if (trouble_ == Trouble::Sync || (trouble_ == Trouble::Write && now < retry_at_)) return;
  if (!watch_file(now)) return;
  if (trouble_ == Trouble::None) {
    // Whoever comes while others are sealed still catches this batch, and its sync.
    while (gather()) took_ = true;
    tell_gaps();
    checkpoint_if_due(now);
  }
  if (!flush(false)) return;
  rotate(now);
  if (trouble_ == Trouble::None && state_due_ && now - state_at_ >= intervals_.state) persist(false);
  if (prune_due_ && !state_due_) prune();
}

// False: there was nothing, or the batch is full.
bool Writer::Impl::gather() {
  bool took = false;
  more_ = false;
  gate_.waker.take_urgency();
  for (std::size_t i = 0; i < producers_.size(); ++i) {
    Producer& producer = producers_[(first_producer_ + i) % producers_.size()];
    Ring& ring = producer.port.ring();
    std::size_t ready = ring.ready();
    if (ready == 0) continue;
    for (; ready > 0 && output_.buffer().size() < kBatchBytes; --ready) {
      took = true;
      const Ring::Item item = ring.take();
      if (item.awaited) producer.awaited = ring.taken();
      sealer_.seal(output_.buffer(), *item.record);
      if (sealer_.uncovered() >= kCheckpointRecords) checkpoint();
    }
    more_ = more_ || ready > 0;
    ring.release();
    producer.port.drained();
  }
  ++first_producer_;
  return took;
}

void Writer::Impl::seal(Body body, Outcome outcome) {
  Record record = own_record(std::move(body), outcome);
  sealer_.seal(output_.buffer(), record);
}

void Writer::Impl::tell_gaps() {
  for (const auto cause : {Port::QueueFull, Port::WriteError}) {
    std::uint64_t total = 0;
    for (const Producer& producer : producers_) total += producer.port.dropped(cause);
    const std::uint64_t lost = total - std::exchange(gaps_told_[cause], total);
    if (lost == 0) continue;
    const bool sync = last_trouble_ == Trouble::Sync;
    const std::string_view name = cause == Port::QueueFull ? "queue_full"
                                  : sync                   ? "fsync_error"
                                                           : "write_error";
    say(LogLevel::Error, "audit records lost",
        {{"file", path_}, {"reason", std::string(name)}, {"records", std::to_string(lost)}});
    seal(TrailGap{name, lost, name_in_records(path_)}, Outcome::Error);
  }
}

void Writer::Impl::checkpoint_if_due(Clock::time_point now) {
  if (sealer_.uncovered() == 0) return;
  if (uncovered_since_ == Clock::time_point()) uncovered_since_ = now;
  if (now - uncovered_since_ >= intervals_.checkpoint) checkpoint();
}

void Writer::Impl::checkpoint() {
  sealer_.checkpoint(output_.buffer());
  uncovered_since_ = {};
  state_due_ = true;
}

// Everything that is sealed is in the file, and on disk where that is due or wanted. False: it is not, and
// nobody was told that it is.
bool Writer::Impl::flush(bool durably) {
  const auto now = Clock::now();
  if (output_.pending()) {
    if (!output_.dirty()) dirty_since_ = now;
    const int error = output_.write();
    if (error == EAGAIN) return false;
    if (error != 0) {
      fail(Trouble::Write, std::strerror(error));
      return false;
    }
    sequence_.store(sealer_.chain().head().sequence, std::memory_order_relaxed);
    last_write_.store(unix_seconds(), std::memory_order_relaxed);
  }
  if (output_.dirty() && (durably || must_sync(now)) && !sync()) return false;
  if (trouble_ == Trouble::Write) mend();
  settle();
  return true;
}

bool Writer::Impl::must_sync(Clock::time_point now) const {
  if (settings_.durability == config::Durability::None) return false;
  if (now - dirty_since_ >= settings_.flush_interval) return true;
  return gate_.ahead && std::any_of(producers_.begin(), producers_.end(), [](const Producer& producer) {
           return producer.awaited != producer.settled;
         });
}

bool Writer::Impl::sync() {
  const auto began = Clock::now();
  const int error = output_.sync();
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  const auto& bounds = WriterStatus::kSyncBounds;
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), took) - bounds.begin();
  add(syncs_[static_cast<std::size_t>(bound)], std::uint64_t{1});
  add(sync_seconds_, took);
  if (error != 0) {
    fail(Trouble::Sync, std::strerror(error));
    return false;
  }
  synced_sequence_ = sealer_.chain().head().sequence;
  return true;
}

void Writer::Impl::settle() {
  for (Producer& producer : producers_)
    if (producer.settled != producer.awaited) {
      producer.settled = producer.awaited;
      producer.port.settle(producer.settled);
    }
}

void Writer::Impl::fail(Trouble trouble, const std::string& reason) {
  retry_at_ = Clock::now() + intervals_.retry;
  if (trouble_ == trouble) return;
  trouble_ = last_trouble_ = trouble;
  gate_.up.store(false, std::memory_order_release);
  for (Producer& producer : producers_) {
    producer.settled = producer.awaited;
    producer.port.refuse();
  }
  const bool sync = trouble == Trouble::Sync;
  say(LogLevel::Error, sync ? "audit sync failed" : "audit write failed",
      {{"file", path_},
       {"reason", reason},
       {"advice",
        sync ? "the disk has lost what was to be kept: look after it, then send SIGUSR1 or restart"
             : "make room or mend the disk: it is tried again every second, nothing taken is lost"}});
}

void Writer::Impl::mend() {
  trouble_ = Trouble::None;
  gate_.up.store(true, std::memory_order_release);
  say(LogLevel::Warning, "audit is written again", {{"file", path_}});
}

// FILE.state, as of now. Never ahead of what is on disk.
bool Writer::Impl::persist(bool clean) {
  if (!output_.is_regular()) {
    state_due_ = false;
    return true;
  }
  if (output_.pending() || (output_.dirty() && !sync())) return false;
  State state;
  state.head = sealer_.chain().head();
  state.chained = sealer_.chained();
  if (const Secret* key = sealer_.chain().key()) state.key.emplace(key->reveal());
  state.first_key = opened_.first_key;
  state.redaction_key = Secret(opened_.redaction_key.reveal());
  state.file = identity_;
  state.offset = output_.size();
  state.clean = clean;
  state_at_ = Clock::now();
  Result<void> written = disk_->replace(config::state_path(path_), encode(state).reveal());
  if (!written && !state_failed_)
    say(LogLevel::Warning, "audit state not written",
        {{"file", config::state_path(path_)},
         {"reason", written.error().detail},
         {"advice", "it is tried again; after a crash more of the trail is read to go on"}});
  state_failed_ = !written;
  state_due_ = state_failed_;
  return !state_failed_;
}

bool Writer::Impl::rings_empty() {
  return std::all_of(producers_.begin(), producers_.end(),
                     [](Producer& producer) { return producer.port.ring().empty(); });
}

// When something is due though nothing comes.
Writer::Impl::Clock::time_point Writer::Impl::next_deadline() const {
  auto next = Clock::time_point::max();
  const bool flushes = settings_.durability != config::Durability::None;
  if (output_.dirty() && flushes) next = std::min(next, dirty_since_ + settings_.flush_interval);
  if (sealer_.uncovered() > 0) next = std::min(next, uncovered_since_ + intervals_.checkpoint);
  if (state_due_) next = std::min(next, state_at_ + intervals_.state);
  return next;
}

void Writer::Impl::rest() {
  using std::chrono::milliseconds;
  const auto until = [](Clock::time_point then) {
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(then - Clock::now()));
  };
  constexpr milliseconds kForever{-1};
  // In trouble nobody wakes it but for an order: the rings are not looked at.
  if (trouble_ == Trouble::Sync) return gate_.waker.sleep(kForever);
  if (trouble_ == Trouble::Write) return gate_.waker.sleep(until(retry_at_));
  if (more_ || output_.pending()) return;
  gate_.waker.announce_sleep(took_);
  if (gate_.waker.is_urgent() || (!took_ && !rings_empty())) return gate_.waker.rise();
  const auto deadline = next_deadline();
  milliseconds sleep = deadline == Clock::time_point::max() ? kForever : until(deadline);
  if (took_ && (sleep < milliseconds(0) || sleep > kNap)) sleep = kNap;
  gate_.waker.sleep(sleep);
}

}  // namespace postern::audit
