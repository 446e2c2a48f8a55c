// What the parts of a session share: who is served and by what rules, both legs with their scanners, what is
// under way, what the world is asked for, and how the session ends. A part is given it by reference and owns
// everything else that it remembers; what is here is written by whoever the comment names, or by anybody.
// Private to the session; single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/side.h"
#include "base/time.h"
#include "filters/chain.h"
#include "imap/command_scanner.h"
#include "imap/response_scanner.h"
#include "session/deadlines.h"
#include "session/ending.h"
#include "session/environment.h"
#include "session/events.h"
#include "session/octets/leg.h"
#include "session/relaying/pending.h"
#include "telemetry/cells.h"

namespace postern::session {

using telemetry::index_of;

// Of the gateway's own tags towards the upstream: cannot be guessed without the seed.
std::string tag_stem(std::uint64_t seed, std::uint64_t serial);

struct Core {
  Core(Environment given, filters::Chain filters, Instant since);

  LegOctets& leg(Side side) noexcept { return legs[static_cast<std::size_t>(side)]; }
  const LegOctets& leg(Side side) const noexcept { return legs[static_cast<std::size_t>(side)]; }

  // --- out ----------------------------------------------------------------------------------------------
  // Behind the session's end nothing is said any more.
  void emit(Side side, Octets range);             // borrows if it lies in what was just read, else copies
  void say(std::initializer_list<Octets> parts);  // to the client
  void act(Action action) { actions.push_back(std::move(action)); }
  // The rest of the client's command is consumed unseen and `answer` kept for its end: the event that the
  // scanner has for that now, NeedMore if its octets have still to come.
  imap::CommandEvent swallow(std::string answer);

  void restart(Clock clock, Duration time) noexcept;  // if it runs

  // --- what it waits for --------------------------------------------------------------------------------
  // One question at a time; Clock::Parked strikes if no answer comes.
  void ask(asked::Question question);
  bool is_awaited(std::uint64_t id) const noexcept { return awaited != 0 && awaited == id; }
  void stop_waiting() noexcept;
  void forget(std::unique_ptr<audit::Record> instead = nullptr);  // an answer is not wanted any more

  // --- ends ---------------------------------------------------------------------------------------------
  // BYE, where one can be said, with `text` or else the row's. The first end counts.
  void end(ErrorCode code, Octets response_code = {}, Octets text = {});
  void end_by(const filters::Decision& decision) { end(decision.code, {}, decision.text); }
  void end_by(Clock clock, ErrorCode code, Octets response_code = {});
  // A peer broke the protocol. `excerpt`: see Fault.
  void fail(ErrorCode code, Side side, std::string_view expected, Octets excerpt = {});
  void client_fault(ErrorCode code);  // the client broke the framing: BAD, BYE, close
  bool ended() const noexcept { return ending.over(); }
  // Commands are still begun.
  bool is_open() const noexcept {
    const bool open = ending.state() == Ending::State::Open || ending.state() == Ending::State::Leaving;
    return open && !deadlines.runs(Clock::Drain);
  }

  // --- what is counted ----------------------------------------------------------------------------------
  void set_state(telemetry::SessionState to);
  void count(imap::Verb verb, telemetry::CommandResult result);

  const config::Settings& settings() const noexcept { return *env.settings; }
  const config::Timeouts& timeouts() const noexcept { return settings().limits.timeouts; }
  telemetry::WorkerCells& cells() noexcept { return *env.cells; }
  telemetry::ListenerCells& listener_cells() noexcept {
    return env.cells->listeners[env.facts.listener_index];
  }
  std::string own_tag() { return tag_stem(env.tag_seed, ++own_serial); }

  Environment env;
  filters::Chain chain;
  Instant now;                    // of the present call
  std::array<LegOctets, 2> legs;  // by Side
  imap::CommandScanner client_scanner;
  imap::ResponseScanner upstream_scanner;
  PendingCommands pending;
  std::vector<Action> actions;  // in the order in which they are to be carried out
  Deadlines deadlines;
  Ending ending;
  std::string swallow_answer;
  std::string user;     // from the moment on when a login has shown it
  TlsFacts client_tls;  // of the client's leg, as it is now
  std::string upstream_state;
  Fault fault;
  std::uint64_t commands = 0;
  std::uint64_t questions = 0;  // asked so far
  std::uint64_t awaited = 0;    // whose answer is waited for; 0: none
  std::uint64_t own_serial = 0;
  std::size_t turn = 0;  // commands judged in this call
  telemetry::SessionState state = telemetry::SessionState::Unauthenticated;
  bool speaks = false;        // IMAP can be said to the client: no handshake is under way
  bool mid_response = false;  // … but not now: in the middle of a response, or its connection is broken
  bool bye_seen = false;      // nor ever again: it was said, by whomever
  bool upstream_open = false;
};

}  // namespace postern::session
