// The gateway's memory of failed logins: 64 locked stripes of rows, one row for each client network and each
// user that failed lately. Asked at login only, by all workers; the main thread changes the limits at a
// reload. Bounded: a stripe holds a fixed number of rows and forgets the one whose last failure is oldest.
// A row keeps a keyed hash of the name, never the name, and costs the same whatever the limits are.
//
// Failures are counted in a sliding window of kSlots slots, so one is forgotten up to a sixteenth of the
// window early. A ban begins with the failure that reaches the limit, ends by itself, is not made longer by
// attempts during it, and leaves a clean row.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/ledger.h"
#include "config/settings.h"
#include "server/siphash.h"

namespace postern::server {

class LoginLedger final : public Ledger {
 public:
  static constexpr std::size_t kStripes = 64;
  static constexpr std::size_t kRowsPerStripe = 2048;
  static constexpr int kSlots = 16;
  // Clients give up after a minute without an answer; a penalty stays well below.
  static constexpr Duration kLongestDelay = std::chrono::seconds(15);
  static constexpr int kLargestFactor = 8;  // the delay doubles with each failure up to this

  // `keys`: secret and random, so that nobody can aim at a stripe.
  LoginLedger(const config::LoginLimits& limits, const std::array<SipKey, 2>& keys);

  // Bans that run go on; failures counted under another window are forgotten.
  void set_limits(const config::LoginLimits& limits);

  bool may_log_in(std::string_view client_address, std::string_view user, Instant now) override;
  Duration login_failed(std::string_view client_address, std::string_view user, Instant now) override;
  // Clears the user's failures but not the network's: who owns one account could otherwise guess at others.
  void login_succeeded(std::string_view client_address, std::string_view user, Instant now) override;

  std::size_t rows() const;
  std::uint64_t refused_networks() const noexcept {
    return refused_networks_.load(std::memory_order_relaxed);
  }
  std::uint64_t refused_users() const noexcept { return refused_users_.load(std::memory_order_relaxed); }

 private:
  struct Key {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept { return key.second; }
  };
  struct Row {
    Key key;
    std::array<std::uint16_t, kSlots> slots{};
    std::int64_t newest_slot = 0;  // the slot number that slots[newest_slot % kSlots] stands for
    std::uint32_t generation = 0;  // of the limits under which the slots were counted
    Instant banned_until{};
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::list<Row> by_age;  // the row that failed last at the front
    std::unordered_map<Key, std::list<Row>::iterator, KeyHash> index;
    config::LoginLimits limits;
    std::uint32_t generation = 0;
  };

  std::optional<Key> network_key(std::string_view client_address) const;
  std::optional<Key> user_key(std::string_view user) const;
  Key key_of(char kind, std::string_view name) const;
  Stripe& stripe_of(const Key& key) noexcept { return stripes_[key.first % kStripes]; }

  bool banned(const Key& key, Instant now);
  Duration fail(const Key& key, Instant now);
  static Row& row_for(Stripe& stripe, const Key& key);
  static int count(Stripe& stripe, Row& row, Instant now);

  std::array<SipKey, 2> keys_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<std::uint64_t> refused_networks_{0};
  std::atomic<std::uint64_t> refused_users_{0};
};

}  // namespace postern::server
