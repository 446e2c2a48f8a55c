// What the gateway remembers of users and client networks across sessions and workers: failed logins, bans,
// session counts. Shared and locked, so it is asked at accept and at login only, never per octet or command.
// Implemented in server (64 locked stripes, bounded); tests and the simulator bring their own.
#pragma once

#include <string_view>

#include "base/time.h"

namespace postern {

// A client's address as the limits see it: the /32 of an IPv4 (also a v4-mapped) address, the /64 of an IPv6
// one.
class Ledger {
 public:
  virtual ~Ledger() = default;
  // May this user, from this network, be let through to an upstream now? `user` may be empty (hidden by the
  // mechanism); names are folded to lower case. A ban of either answers false.
  virtual bool may_log_in(std::string_view client_address, std::string_view user, Instant now) = 0;
  // The upstream refused the credentials: the delay before the client may be told so. Never called for an
  // upstream that was down.
  virtual Duration login_failed(std::string_view client_address, std::string_view user, Instant now) = 0;
  virtual void login_succeeded(std::string_view client_address, std::string_view user, Instant now) = 0;
};

}  // namespace postern
