// One side of a session as octets: what it sent and nobody has read yet, and what is queued towards it.
// Octets are taken in place, from the caller's memory, as long as nothing older waits; keep() copies what is
// left of them before that memory is used again. Owned by one Session, single-threaded.
#pragma once

#include <cstdint>

#include "base/byte_queue.h"
#include "base/octets.h"
#include "session/octets/pieces.h"

namespace postern::session {

class LegOctets {
 public:
  Pieces out;  // queued towards this side

  void take(Octets plain);                // borrows until keep()
  Octets next() const noexcept;           // the octets to be read next, contiguous
  void consume(std::size_t octets);       // of next()
  void drop();                            // all that was not read
  void end() noexcept { ended_ = true; }  // it will send no more
  void keep(std::size_t limit);           // limit: from how many queued octets on it counts as fallen behind
  void set_secret_input(bool on) noexcept { kept_.set_secret(on); }

  bool ended() const noexcept { return ended_; }
  std::size_t held() const noexcept { return kept_.size() + borrowed_.size(); }
  // Fell behind with reading: the other side is not read until it has caught up by half.
  bool paused() const noexcept { return paused_; }
  std::uint64_t read() const noexcept { return received_ - held(); }  // octets, since the beginning
  bool lends(Octets range) const noexcept;          // the range lies in memory that stays until keep()
  bool lends_line_end(Octets line) const noexcept;  // … and CRLF behind it

 private:
  Octets borrowed_;  // what is left of the present input
  Octets stable_;    // the whole of it
  ByteQueue kept_;
  std::uint64_t received_ = 0;
  bool paused_ = false;
  bool ended_ = false;
};

}  // namespace postern::session
