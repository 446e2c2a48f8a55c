// The AuditTrail of one worker: a ring to the writer, and those of its sessions that wait. Used on the
// worker's thread but for what is marked as the writer's, which answers by `post`.
//
// Two queues wait: for room in the ring (it is full; tried again in their order when the writer has drained
// it), and for the disk (in order of their positions in the ring). Nobody overtakes who waits for room.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "audit/writer/ring.h"
#include "audit/writer/waker.h"
#include "record/audit_trail.h"

namespace postern::audit {

// What the writer lets the ports know at any time.
struct Gate {
  explicit Gate(bool write_ahead) : ahead(write_ahead) {}
  bool passes() const noexcept { return up.load(std::memory_order_acquire) || !deny.load(); }

  const bool ahead;              // an intent is on disk before its command goes
  std::atomic<bool> up{true};    // the file can be written
  std::atomic<bool> deny{true};  // on_failure
  Waker waker;
};

class Port final : public AuditTrail {
 public:
  using Post = std::function<void(std::function<void()>)>;

  Port(Gate& gate, Post post) : gate_(gate), post_(std::move(post)) {}

  bool writable() const noexcept override { return gate_.passes(); }
  bool reserve() noexcept override;
  void give_back() noexcept;
  void write(std::unique_ptr<Record> record, AuditRoom room) override;
  AuditAnswer write_ahead(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<Record> intent,
                          bool outcome) override;
  void forget(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<Record> instead) override;

  // --- the writer's thread ---

  Ring& ring() noexcept { return ring_; }
  // All up to this position are on disk.
  void settle(std::uint64_t position);
  // The ring was drained: whoever waits for room tries again.
  void drained();
  // Nothing can be recorded for now: all that wait are told so.
  void refuse();

  // --- any thread ---

  enum Cause : std::uint8_t { QueueFull, WriteError };
  std::size_t queued() const noexcept { return ring_.size(); }
  std::uint64_t dropped(Cause cause) const noexcept {
    return dropped_[cause].load(std::memory_order_relaxed);
  }

 private:
  struct Waiter {
    AuditWaiter* who;
    std::uint64_t hold;
    std::unique_ptr<Record> intent;  // not in the ring yet; null: none, or it is in it
    bool outcome;
    std::uint64_t position = 0;
  };

  bool has_room(const Waiter& waiter) noexcept {
    return ring_.has_room((waiter.intent ? 1U : 0U) + (waiter.outcome ? 1U : 0U));
  }
  bool enter(Waiter& waiter);
  void let_through(Waiter& waiter);
  void push(std::unique_ptr<Record> record, bool awaited, bool reserved);
  void drop() noexcept;
  void on_disk(std::uint64_t position);
  void try_again();
  void tell_all();

  Gate& gate_;
  Post post_;
  Ring ring_;
  std::deque<Waiter> for_room_;
  std::deque<Waiter> for_disk_;
  // With on_failure: allow, reservations that had no room.
  std::uint64_t overdrawn_ = 0;
  std::atomic<bool> wants_room_{false};
  std::array<std::atomic<std::uint64_t>, 2> dropped_{};
};

}  // namespace postern::audit
