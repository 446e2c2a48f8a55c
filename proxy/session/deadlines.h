// The named clocks of a session. Each is started, moved and stopped by an event; the earliest that runs is
// the session's deadline, and its name says what is done when it strikes. A clock that waits for a peer is
// started when something became due from that peer, never earlier (clocks.cc says when). A value;
// single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace postern::session {

// Of two that strike at the same instant the first one here is carried out.
enum class Clock : std::uint8_t {
  Drain,            // from the order to drain to the BYE for those that are busy
  Handshake,        // the client's TLS
  Login,            // the client's: to log in; stands still while others are waited for
  UpstreamLogin,    // all that the upstreams of one login need together, the client's turns left out
  UpstreamConnect,  // one of them: from the dial to its greeting
  Penalty,          // the client waits for its NO
  Parked,           // a command waits for its record or its turn, or a login for its seat
  Count,            // the upstream answers a question of the gateway's own about a parked command
  Idle,             // the client is next to speak
  UpstreamSilence,  // the upstream is next to speak
  StalledClient,    // octets are queued for it, and none of them moves
  StalledUpstream,
  kCount,
};
std::string_view name_of(Clock clock) noexcept;  // as the configuration and the log have it
// Whose turn it is while the clock runs: "client", "upstream" or "gateway".
std::string_view turn_of(Clock clock) noexcept;

class Deadlines {
 public:
  struct Next {
    Clock clock = Clock::Drain;
    Instant at;
  };

  void start(Clock clock, Instant until) noexcept;  // anew, if it runs or stands still
  void stop(Clock clock) noexcept {
    running_ &= static_cast<std::uint16_t>(~bit(clock));
    paused_ &= static_cast<std::uint16_t>(~bit(clock));
  }
  // Stands still, what is left of it kept, until go_on(). Neither does anything to a clock that is not in
  // the other state.
  void pause(Clock clock, Instant now) noexcept;
  void go_on(Clock clock, Instant now) noexcept;

  bool runs(Clock clock) const noexcept { return (running_ & bit(clock)) != 0; }
  bool struck(Clock clock, Instant now) const noexcept { return runs(clock) && until_[at(clock)] <= now; }
  std::optional<Next> next() const noexcept;  // the earliest that runs

 private:
  static constexpr std::size_t kClocks = static_cast<std::size_t>(Clock::kCount);
  static constexpr std::size_t at(Clock clock) noexcept { return static_cast<std::size_t>(clock); }
  static constexpr std::uint16_t bit(Clock clock) noexcept {
    return static_cast<std::uint16_t>(1U << at(clock));
  }
  static_assert(kClocks <= 16);

  std::array<Instant, kClocks> until_{};
  std::uint16_t running_ = 0;
  std::uint16_t paused_ = 0;  // in until_: what is left, counted from the clock's zero
};

}  // namespace postern::session
