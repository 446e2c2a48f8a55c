// What the gateway remembers of users and client networks across sessions and workers: failed logins, bans,
// session counts, the brake. Shared and locked, so it is asked at accept, at login and at deletions only,
// never per octet; what is asked per command is in the user's row, which a session holds. Implemented in
// ledger/ledger.h (64 locked stripes, bounded); tests and the simulator bring their own.
//
// A client's network is what the limits see of an address: the /32 of an IPv4 (also a v4-mapped) address, the
// /64 of an IPv6 one. Users' names are folded to lower case.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/time.h"

namespace postern {

// A session's place among those of its client's network: counted until it is destroyed. Any thread; never
// outlives its Ledger.
class ClientSeat {
 public:
  virtual ~ClientSeat() = default;
};

// A session's hold on the row that all sessions of its user share: counted as one session of the user until
// it is destroyed. Any thread; never outlives its Ledger.
class UserSeat {
 public:
  virtual ~UserSeat() = default;
  // Takes the user's next turn by limits.commands_per_second.per_user: when the command may go, `now` at the
  // earliest. No lock.
  virtual Instant next_command(Instant now) noexcept = 0;
  // limits.deletions is set. No lock.
  virtual bool brakes() const noexcept = 0;
  // The brake, asked before a command is forwarded after which so many messages can be gone: all of them are
  // charged, or none of them and false. A command that would vanish none is always granted.
  virtual bool charge(std::uint64_t messages, Instant now) = 0;
  // The command does not go after all: what was charged for it at `charged_at` is given back, unless it has
  // been forgotten meanwhile.
  virtual void refund(std::uint64_t messages, Instant charged_at) = 0;
  // A command was refused because nobody could say how many messages it would make vanish.
  virtual void not_counted() noexcept = 0;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // One more session from this network; null: limits.sessions.per_client are there already, and this one was
  // not counted. What is no address (a unix peer) is never refused.
  virtual std::unique_ptr<ClientSeat> seat_client(std::string_view client_address) = 0;

  // Could one more session of this user be seated now? Asked before credentials go upstream; the answer is
  // worth nothing later.
  virtual bool has_seat(std::string_view user) = 0;
  // The upstream has accepted the user: one more session of it; null: limits.sessions.per_user are there
  // already. A user whose name is hidden (empty) gets a row of the session's own.
  virtual std::unique_ptr<UserSeat> seat_user(std::string_view user) = 0;

  // May this user, from this network, be let through to an upstream now? `user` may be empty (hidden by the
  // mechanism). A ban of either answers false.
  virtual bool may_log_in(std::string_view client_address, std::string_view user, Instant now) = 0;
  // The upstream refused the credentials: the delay before the client may be told so. Never called for an
  // upstream that was down.
  virtual Duration login_failed(std::string_view client_address, std::string_view user, Instant now) = 0;
  virtual void login_succeeded(std::string_view client_address, std::string_view user, Instant now) = 0;
};

}  // namespace postern
