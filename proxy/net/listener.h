// Accepts the connections of one listening socket, on its worker's loop. It knows nothing of sessions: each
// connection goes to the worker (Acceptor), which makes a Relay of it or drops it.
//
// It polls the socket and calls accept4 itself instead of using uv_listen: libuv's own loop calls its
// callback and accept again for ever while descriptors are exhausted, and would cost a getpeername for each
// connection. When accept fails for want of descriptors or memory it rests for 100 ms, or until resume() is
// called because a relay has ended. A callback takes at most 64 connections, then other sessions have their
// turn.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "net/address.h"
#include "net/socket.h"

namespace postern::net {

// Implemented by the worker.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  // `listener`: the index given to the Listener. Dropping the socket refuses the connection. May call pause()
  // and resume() of any listener, but must not destroy this one.
  virtual void accepted(std::size_t listener, Socket client, Peer peer) noexcept = 0;
  // accept failed and the listener rests; `error` is errno. At most ten times a second.
  virtual void accept_failed(std::size_t listener, int error) noexcept = 0;
};

class Listener {
 public:
  static constexpr int kBacklog = 4096;
  static constexpr int kConnectionsPerTurn = 64;
  static constexpr std::uint64_t kRestMs = 100;

  Listener(Acceptor& acceptor, std::size_t index);
  ~Listener();  // as close()
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The worker's thread. Starts to listen and to accept.
  Result<void> open(uv_loop_t* loop, Socket bound);
  void pause() noexcept;   // over limits.sessions.total: connections wait in the kernel's backlog
  void resume() noexcept;  // also ends a rest after a failed accept
  bool paused() const noexcept;
  // Stops listening at once. libuv's handles free themselves in the loop's next turn.
  void close() noexcept;

 private:
  struct Handles;
  Handles* handles_ = nullptr;
  Acceptor& acceptor_;
  std::size_t index_;
};

}  // namespace postern::net
