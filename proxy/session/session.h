// One client and one upstream as a state machine: the whole of what the gateway does with IMAP, as a value.
// Octets, events and time go in; octets and actions come out. It does no I/O, reads no clock, logs nothing
// and calls nobody back. Owned by one Relay (or a test), used by one thread.
//
// How to drive it: after every input(), event() or tick() carry out next_action() until there is none, write
// what output() of both sides holds, tell by written() how far that came, and call keep() before the memory
// given to input() is used again. Give a side's octets only while wants_read(side). If has_work(), call
// resume() when other sessions have had their turn (at most kCommandsPerTurn commands are judged in one
// call). Call tick() at deadline(), behind a written() if octets may have moved meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/octets.h"
#include "base/side.h"
#include "base/time.h"
#include "session/environment.h"
#include "session/events.h"
#include "session/octets/pieces.h"

namespace postern::session {

class Session {
 public:
  static constexpr std::size_t kCommandsPerTurn = 64;
  static constexpr std::size_t kCommandsInFlight = 256;
  static constexpr int kBadLinesBeforeLogin = 3;

  Session(Environment environment, filters::Chain chain, Instant now);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  void input(Side side, Octets plain, Instant now);
  void event(const Event& event, Instant now);
  void tick(Instant now);
  void resume(Instant now);
  void written(const Backlog& backlog, Instant now);
  void keep();

  std::optional<Action> next_action();
  Pieces& output(Side side) noexcept;
  bool wants_read(Side side) const noexcept;
  bool has_work() const noexcept;
  std::optional<Instant> deadline() const noexcept;

  bool closing() const noexcept;  // Close has been given out or is next
  bool logged_in() const noexcept;
  // Before login everything that was read may be a credential: the caller wipes its scratch memory.
  bool may_hold_secrets() const noexcept;
  const std::string& user() const noexcept;
  const filters::SessionFacts& facts() const noexcept;
  const TlsFacts& client_tls() const noexcept;  // of the client's leg, as it is now
  const Fault& fault() const noexcept;          // why it ended; code Ok while it has not
  // Where an upstream failed, as an operator reads it: "sent login, received nothing".
  std::string upstream_state() const;
  std::uint64_t commands() const noexcept;
  std::uint64_t next_record() noexcept;            // the n of the next record's id
  std::size_t buffered(Side side) const noexcept;  // octets queued towards and held from that side

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::session
