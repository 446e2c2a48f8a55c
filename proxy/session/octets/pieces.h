// The output of a session towards one side, in order: ranges borrowed from what was just read, and octets of
// its own. Borrowed ranges are valid until the Session's keep(). Single-threaded.
//
// While anything is queued from before (the peer is slow) everything is owned; ranges are borrowed only
// while all that is queued came in the current call. So keep() copies each octet once at the most.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/byte_queue.h"
#include "base/octets.h"

namespace postern::session {

class Pieces {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  void borrow(Octets range);  // stays in place until keep(); adjacent ranges are merged
  void own(Octets octets);    // copied at once

  // The first octets as ranges, in order, for one system call; returns how many ranges were filled in.
  std::size_t gather(iovec* out, std::size_t most) const noexcept;
  Octets front() const noexcept;           // the first contiguous range
  void drop(std::size_t octets) noexcept;  // they were written
  void keep() {                            // copies what is borrowed
    if (size_ > 0 || segments_.capacity() > kKeptSegments) keep_all();
  }
  void clear() noexcept;
  std::uint64_t dropped() const noexcept { return dropped_; }   // octets, since the beginning
  void set_secret(bool on) noexcept { owned_.set_secret(on); }  // see ByteQueue

 private:
  // A few segments are cheaper to keep than to allocate for each answer.
  static constexpr std::size_t kKeptSegments = 2;

  // A run of octets: borrowed (begin is set), or the next `size` octets of owned_.
  struct Segment {
    const char* begin = nullptr;
    std::size_t size = 0;
  };
  void keep_all();

  std::vector<Segment> segments_;
  ByteQueue owned_;
  std::size_t size_ = 0;
  std::uint64_t dropped_ = 0;
  bool kept_ = false;  // something is queued from an earlier call
};

}  // namespace postern::session
