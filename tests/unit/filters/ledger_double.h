// A Ledger that knows nobody's failures, and counts sessions and deletions of users the simple way: for tests
// of what asks it. Single-threaded.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/octets.h"
#include "base/pace.h"
#include "base/seats.h"
#include "config/settings.h"

namespace postern::testing {

class LedgerDouble final : public Ledger {
 public:
  explicit LedgerDouble(const config::Limits& given) : limits(given) {}

  std::unique_ptr<ClientSeat> seat_client(std::string_view) override {
    return std::make_unique<ClientSeat>();
  }
  bool has_seat(std::string_view user) override {
    return user.empty() || limits.sessions_per_user == 0 ||
           users[to_upper(user)].sessions < limits.sessions_per_user;
  }
  std::unique_ptr<UserSeat> seat_user(std::string_view user) override {
    if (!has_seat(user)) return nullptr;
    return std::make_unique<Seat>(*this,
                                  user.empty() ? "hidden " + std::to_string(++hidden) : to_upper(user));
  }
  bool may_log_in(std::string_view, std::string_view, Instant) override { return true; }
  Duration login_failed(std::string_view, std::string_view, Instant) override { return {}; }
  void login_succeeded(std::string_view, std::string_view, Instant) override {}

  struct User {
    std::uint64_t sessions = 0;
    std::vector<std::pair<Instant, std::uint64_t>> deletions;
    Pace commands;
  };
  std::uint64_t charged(const std::string& user) {
    std::uint64_t sum = 0;
    for (const auto& [when, messages] : users[to_upper(user)].deletions) sum += messages;
    return sum;
  }

  config::Limits limits;
  std::map<std::string, User> users;
  int hidden = 0;
  int uncounted = 0;

 private:
  class Seat final : public UserSeat {
   public:
    Seat(LedgerDouble& ledger, const std::string& name) : ledger_(ledger), user_(ledger.users[name]) {
      ++user_.sessions;
    }
    ~Seat() override { --user_.sessions; }
    Instant next_command(Instant now) noexcept override {
      return user_.commands.take(ledger_.limits.commands_per_user, now);
    }
    bool brakes() const noexcept override { return ledger_.limits.deletions.messages != 0; }
    bool charge(std::uint64_t messages, Instant now) override {
      std::uint64_t sum = messages;
      for (const auto& [when, many] : user_.deletions)
        if (when + ledger_.limits.deletions.window > now) sum += many;
      if (messages > 0 && brakes() && sum > ledger_.limits.deletions.messages) return false;
      user_.deletions.emplace_back(now, messages);
      return true;
    }
    void refund(std::uint64_t messages, Instant charged_at) override {
      const auto found = std::find(user_.deletions.begin(), user_.deletions.end(),
                                   std::pair<Instant, std::uint64_t>{charged_at, messages});
      if (found != user_.deletions.end()) user_.deletions.erase(found);
    }
    void not_counted() noexcept override { ++ledger_.uncounted; }

   private:
    LedgerDouble& ledger_;
    User& user_;
  };
};

}  // namespace postern::testing
