// The gateway's memory of users and client networks, shared by all workers: failed logins, sessions, paces
// and the brake, each in 64 locked stripes. Asked at accept, at login and at deletions; the main thread
// changes the limits at a reload, and outlives all seats. What anybody on the network can fill is bounded;
// what is not (live sessions) is bounded by the sessions themselves. A row keeps a keyed hash of the name,
// never the name.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/seats.h"
#include "config/settings.h"
#include "ledger/accounts.h"
#include "ledger/login_failures.h"
#include "ledger/stripes.h"

namespace postern::server {

class SharedLedger final : public Ledger {
 public:
  // `keys`: secret and random.
  SharedLedger(const config::Limits& limits, const std::array<SipKey, 2>& keys);

  void set_limits(const config::Limits& limits);  // any thread

  std::unique_ptr<ClientSeat> seat_client(std::string_view client_address) override;
  bool has_seat(std::string_view user) override;
  std::unique_ptr<UserSeat> seat_user(std::string_view user) override;
  bool may_log_in(std::string_view client_address, std::string_view user, Instant now) override;
  Duration login_failed(std::string_view client_address, std::string_view user, Instant now) override;
  // Clears the user's failures but not the network's: who owns one account could otherwise guess at others.
  void login_succeeded(std::string_view client_address, std::string_view user, Instant now) override;

  std::size_t rows() const;
  std::uint64_t refused_networks() const noexcept {  // logins, because of a ban
    return refused_networks_.load(std::memory_order_relaxed);
  }
  std::uint64_t refused_users() const noexcept { return refused_users_.load(std::memory_order_relaxed); }
  const Accounts& accounts() const noexcept { return accounts_; }

 private:
  class Place;
  struct Clients {
    mutable std::mutex mutex;
    std::unordered_map<LedgerKey, std::uint64_t, LedgerKeyHash> sessions;  // by network; none has 0
  };

  void leave(const LedgerKey& network);

  LedgerKeys keys_;
  LoginFailures failures_;
  Accounts accounts_;
  Stripes<Clients> clients_;
  std::atomic<std::uint64_t> sessions_per_client_{0};
  std::atomic<std::uint64_t> refused_networks_{0};
  std::atomic<std::uint64_t> refused_users_{0};
};

}  // namespace postern::server
