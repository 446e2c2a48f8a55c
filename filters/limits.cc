#include "filters/limits.h"

#include <algorithm>
#include <utility>

namespace postern::filters {
namespace {

Decision too_many_sessions() { return Decision::deny(ErrorCode::TooManySessions, "LIMIT"); }

}  // namespace

// Whoever is refused here costs the upstream nothing; the seat is taken later, so that nobody without the
// password can occupy one.
Decision SessionLimits::on_login(imap::Verb, const Context& context) {
  return ledger_.has_seat(context.user) ? Decision::pass() : too_many_sessions();
}

Decision SessionLimits::on_seat(std::shared_ptr<UserSeat> seat, const Context&) {
  seat_->user = std::move(seat);
  return seat_->user ? Decision::pass() : too_many_sessions();
}

Decision SessionLimits::on_command(imap::Command& command, const Context& context) {
  if (!context.logged_in || command.piece == imap::Piece::Later) return Decision::pass();
  Instant turn = commands_.take(commands_per_second_, context.now);
  if (seat_->user) turn = std::max(turn, seat_->user->next_command(context.now));
  return turn > context.now ? Decision::delay(turn) : Decision::pass();
}

}  // namespace postern::filters
