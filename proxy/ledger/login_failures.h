// The Ledger's memory of failed logins: one row for each client network and each user that failed lately.
// Bounded: a stripe holds a fixed number of rows and forgets the one whose last failure is oldest; whoever
// can make rows here (anybody) can make no other row of the Ledger forgotten. A row costs the same whatever
// the limits are.
//
// Failures are counted in a sliding window of kSlots slots, so one is forgotten up to a sixteenth of the
// window early. A ban begins with the failure that reaches the limit, ends by itself, is not made longer by
// attempts during it, and leaves a clean row.
#pragma once

#include <list>
#include <mutex>
#include <unordered_map>

#include "config/settings.h"
#include "ledger/sliding_count.h"
#include "ledger/stripes.h"

namespace postern::server {

class LoginFailures {
 public:
  static constexpr std::size_t kRowsPerStripe = 2048;
  static constexpr int kSlots = 16;
  // Clients give up after a minute without an answer; a penalty stays well below.
  static constexpr Duration kLongestDelay = std::chrono::seconds(15);
  static constexpr int kLargestFactor = 8;  // the delay doubles with each failure up to this

  // Bans that run go on; failures counted under another window are forgotten.
  void set_limits(const config::LoginLimits& limits);

  bool is_banned(const LedgerKey& key, Instant now);
  Duration fail(const LedgerKey& key, Instant now);  // the delay
  // A ban that began meanwhile stays.
  void forgive(const LedgerKey& key, Instant now);

  std::size_t rows() const;

 private:
  struct Row {
    LedgerKey key;
    SlidingCount<std::uint16_t, kSlots> failures;
    Instant banned_until{};
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::list<Row> by_age;  // the row that failed last at the front
    std::unordered_map<LedgerKey, std::list<Row>::iterator, LedgerKeyHash> index;
    config::LoginLimits limits;
  };

  static Row& row_for(Stripe& stripe, const LedgerKey& key);

  Stripes<Stripe> stripes_;
};

}  // namespace postern::server
