#include "session/deadlines.h"

#include <bit>

namespace postern::session {
namespace {

struct Row {
  std::string_view name;
  std::string_view turn;
};

constexpr std::array<Row, static_cast<std::size_t>(Clock::kCount)> kRows{{
    {"drain", "gateway"},
    {"handshake", "client"},
    {"login", "client"},
    {"upstream_login", "upstream"},
    {"upstream_connect", "upstream"},
    {"penalty", "gateway"},
    {"parked", "gateway"},
    {"count", "upstream"},
    {"idle", "client"},
    {"upstream_silence", "upstream"},
    {"stalled", "client"},
    {"stalled", "upstream"},
}};

}  // namespace

std::string_view name_of(Clock clock) noexcept { return kRows[static_cast<std::size_t>(clock)].name; }
std::string_view turn_of(Clock clock) noexcept { return kRows[static_cast<std::size_t>(clock)].turn; }

void Deadlines::start(Clock clock, Instant until) noexcept {
  until_[at(clock)] = until;
  running_ |= bit(clock);
  paused_ &= static_cast<std::uint16_t>(~bit(clock));
}

void Deadlines::pause(Clock clock, Instant now) noexcept {
  if (!runs(clock)) return;
  stop(clock);
  paused_ |= bit(clock);
  until_[at(clock)] = Instant(until_[at(clock)] - now);
}

void Deadlines::go_on(Clock clock, Instant now) noexcept {
  if ((paused_ & bit(clock)) == 0) return;
  start(clock, now + until_[at(clock)].time_since_epoch());
}

std::optional<Deadlines::Next> Deadlines::next() const noexcept {
  if (running_ == 0) return std::nullopt;
  Next next{Clock::kCount, Instant::max()};
  for (unsigned left = running_; left != 0; left &= left - 1) {
    const auto index = static_cast<std::size_t>(std::countr_zero(left));
    if (until_[index] < next.at || next.clock == Clock::kCount)
      next = {static_cast<Clock>(index), until_[index]};
  }
  return next;
}

}  // namespace postern::session
