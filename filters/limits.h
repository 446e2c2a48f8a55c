// The limits of a session and of its user (limits.sessions.per_user, limits.commands_per_second): a user who
// has sessions enough is refused at login, which is no failed login, and a command that is too fast waits.
// Nothing behind it is read meanwhile, so that the client feels it by back-pressure alone.
#pragma once

#include <memory>

#include "base/pace.h"
#include "base/seats.h"
#include "filters/filter.h"

namespace postern::filters {

// The session's hold on its user's row: taken by SessionLimits when the upstream has accepted the user, used
// by whoever comes behind it in the chain.
struct HeldSeat {
  std::shared_ptr<UserSeat> user;  // null before login
};

class SessionLimits final : public Filter {
 public:
  // The Ledger outlives the session.
  SessionLimits(const config::Limits& limits, Ledger& ledger, std::shared_ptr<HeldSeat> seat)
      : commands_per_second_(limits.commands_per_session), ledger_(ledger), seat_(std::move(seat)) {}

  Decision on_login(imap::Verb verb, const Context& context) override;
  bool wants_seat() const noexcept override { return true; }
  Decision on_seat(std::shared_ptr<UserSeat> seat, const Context& context) override;
  Decision on_command(imap::Command& command, const Context& context) override;

 private:
  const std::uint64_t commands_per_second_;  // of this session; 0 = no limit
  Ledger& ledger_;
  std::shared_ptr<HeldSeat> seat_;
  Pace commands_;
};

}  // namespace postern::filters
