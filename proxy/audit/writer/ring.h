// The way of the records from one thread to the writer's: a bounded ring with one producer and one consumer,
// without a lock. Room in it can be reserved, so that who has promised a record finds a place for it.
//
// A position counts the records that were ever pushed: the first has 1. The indices are stored and loaded in
// sequentially consistent order where the other thread may be asleep because of them (Waker, Port).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "record/audit_record.h"

namespace postern::audit {

class Ring {
 public:
  static constexpr std::size_t kSlots = 4096;

  struct Item {
    std::unique_ptr<Record> record;
    bool awaited = false;  // somebody waits until it is on disk
  };

  Ring() : slots_(kSlots) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // --- the producer's thread ---

  // There are so many slots that are neither used nor reserved.
  bool has_room(std::size_t records) noexcept {
    if (head_here_ + reserved_ + records <= tail_seen_ + kSlots) return true;
    tail_seen_ = tail_.load(std::memory_order_seq_cst);
    return head_here_ + reserved_ + records <= tail_seen_ + kSlots;
  }
  bool reserve() noexcept {
    if (!has_room(1)) return false;
    ++reserved_;
    return true;
  }
  // One that was reserved is free again.
  void give_back() noexcept { --reserved_; }
  std::size_t reserved() const noexcept { return reserved_; }

  // There is room.
  void push(std::unique_ptr<Record> record, bool awaited) noexcept {
    Item& slot = slots_[head_here_ % kSlots];
    slot.record = std::move(record);
    slot.awaited = awaited;
    head_.store(++head_here_, std::memory_order_seq_cst);
  }
  // Into a slot that was reserved.
  void push_reserved(std::unique_ptr<Record> record) noexcept {
    give_back();
    push(std::move(record), false);
  }
  std::uint64_t pushed() const noexcept { return head_here_; }  // position of the last one
  // More than half of it is used, as far as the producer knows.
  bool filling() noexcept {
    if (head_here_ - tail_seen_ <= kSlots / 2) return false;
    tail_seen_ = tail_.load(std::memory_order_acquire);
    return head_here_ - tail_seen_ > kSlots / 2;
  }

  // --- the consumer's thread ---

  bool empty() const noexcept { return head_.load(std::memory_order_seq_cst) == tail_here_; }
  // How many can be taken now.
  std::size_t ready() const noexcept {
    return static_cast<std::size_t>(head_.load(std::memory_order_acquire) - tail_here_);
  }
  // There is one. Its slot is free after release().
  Item take() noexcept {
    Item& slot = slots_[tail_here_++ % kSlots];
    return {std::move(slot.record), slot.awaited};
  }
  std::uint64_t taken() const noexcept { return tail_here_; }  // position of the last one
  void release() noexcept { tail_.store(tail_here_, std::memory_order_seq_cst); }

  // --- any thread ---

  std::size_t size() const noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    return head > tail ? static_cast<std::size_t>(head - tail) : 0;
  }

 private:
  static constexpr std::size_t kCacheLineBytes = 64;

  std::vector<Item> slots_;
  // Each thread has its own line of the cache: what it writes, and what it last saw of the other. Kept apart
  // by room, not by alignment, so that whoever holds a ring may stand anywhere.
  [[maybe_unused]] std::array<char, kCacheLineBytes> before_{};
  std::atomic<std::uint64_t> head_{0};
  std::uint64_t head_here_ = 0;
  std::uint64_t tail_seen_ = 0;
  std::size_t reserved_ = 0;
  [[maybe_unused]] std::array<char, kCacheLineBytes> between_{};
  std::atomic<std::uint64_t> tail_{0};
  std::uint64_t tail_here_ = 0;
  [[maybe_unused]] std::array<char, kCacheLineBytes> behind_{};
};

}  // namespace postern::audit
