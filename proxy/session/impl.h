// The inside of Session: its four parts over their core, driven by session.cc (what came in is given to the
// part whose turn it is; ends) and clocks.cc. Private to this folder.
#pragma once

#include <array>
#include <cstdint>

#include "session/core.h"
#include "session/errands/errands.h"
#include "session/login/gate.h"
#include "session/relaying/relaying.h"
#include "session/session.h"
#include "session/telling/telling.h"

namespace postern::session {

struct Session::Impl {
  Impl(Environment environment, filters::Chain chain, Instant now);
  ~Impl();

  // session.cc: driving
  void input(Side side, Octets plain);
  void event(const Event& event);
  void tick();
  void run();
  void keep();
  void process_client();
  void process_upstream();
  bool can_scan_client() const noexcept;
  bool wants_read(Side side) const noexcept;
  void on_answered(const Answered& answered);
  void on_end_of_file(const EndOfFile& end);
  bool is_served() const noexcept;
  void on_failed(const Failed& failed);
  void on_upstream_ended(ErrorCode code);
  void maybe_end();
  void finish() {
    if (core_.ending.state() == Ending::State::Over) close_up();
  }
  void close_up();

  // clocks.cc
  void written(const Backlog& backlog);
  bool is_sent(Side side) const noexcept;
  bool client_is_due() const noexcept;
  bool upstream_is_due() const noexcept;
  void watch_reader(Side side, Clock clock) noexcept;
  void await(Clock clock, bool due, Duration time) noexcept;
  void strike(Clock clock);

  Core core_;
  Telling telling_{core_};
  Errands errands_{core_};
  Gate gate_{core_, telling_, errands_};
  Relaying relaying_{core_, telling_, errands_};
  Backlog backlog_;
  std::array<std::uint64_t, 2> moved_{};  // by Side: octets that had left for it when we last looked
};

}  // namespace postern::session
