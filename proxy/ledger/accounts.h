// The Ledger's rows of users who are logged in, and of those who have left and are still remembered: how many
// sessions each has, its pace, and the messages that it made vanish lately. Only an upstream's OK makes a row
// here. A row lives as long as its sessions; afterwards it is kept for what it remembers, in a bounded number
// for each stripe, of which the one that was left first is forgotten.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/pace.h"
#include "base/seats.h"
#include "config/settings.h"
#include "ledger/sliding_count.h"
#include "ledger/stripes.h"

namespace postern::server {

class Accounts {
 public:
  static constexpr std::size_t kLeftRowsPerStripe = 1024;  // rows without a session
  // One slot more than the window has: a deletion is forgotten up to a sixteenth of the window late.
  static constexpr int kSlots = 16;

  // Charges under another window count as new ones in this one.
  void set_limits(const config::Limits& limits);

  bool has_seat(const LedgerKey& key);
  std::unique_ptr<UserSeat> seat(const LedgerKey& key);  // null: too many
  std::unique_ptr<UserSeat> seat_alone();                // a row that nobody shares

  std::size_t rows() const;
  std::uint64_t charged() const noexcept { return charged_.load(std::memory_order_relaxed); }
  std::uint64_t braked() const noexcept { return braked_.load(std::memory_order_relaxed); }
  std::uint64_t uncounted() const noexcept { return uncounted_.load(std::memory_order_relaxed); }

 private:
  class Seat;
  struct Row {
    Pace commands;
    std::mutex mutex;  // of what follows
    SlidingCount<std::uint64_t, kSlots + 1> deletions;
    std::atomic<bool> has_deleted{false};
    // Guarded by the stripe's mutex.
    std::uint64_t sessions = 0;
    std::list<LedgerKey>::iterator left_at{};  // valid while there is no session
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<LedgerKey, std::shared_ptr<Row>, LedgerKeyHash> rows;
    std::list<LedgerKey> left;  // without a session, the last one to leave at the front
  };

  void leave(const LedgerKey& key);
  bool charge(Row& row, std::uint64_t messages, Instant now);
  void refund(Row& row, std::uint64_t messages, Instant charged_at);

  Stripes<Stripe> stripes_;
  std::atomic<std::uint64_t> sessions_per_user_{0};
  std::atomic<std::uint64_t> commands_per_user_{0};
  std::atomic<std::uint64_t> messages_{0};
  std::atomic<Duration::rep> window_ns_{0};
  std::atomic<std::uint64_t> charged_{0};
  std::atomic<std::uint64_t> braked_{0};
  std::atomic<std::uint64_t> uncounted_{0};
};

}  // namespace postern::server
