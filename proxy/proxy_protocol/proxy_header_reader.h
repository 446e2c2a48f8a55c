// Reads the PROXY header of one accepted connection, and nothing behind it: the octets are looked at where
// they lie in the kernel (MSG_PEEK) and only the header's own are taken. What a balancer has glued to it is
// found there by the session's own stream, so the socket is handed on as if it had just been accepted.
// Owned by its Worker, used on the worker's thread; gone before the session begins.
#pragma once

#include <uv.h>

#include <cstddef>
#include <string_view>

#include "base/time.h"
#include "net/address.h"
#include "net/socket.h"
#include "proxy_protocol/proxy_header.h"
#include "telemetry/cells.h"

namespace postern::net {

class ProxyHeaderReader;

// Implemented by the worker. One of the two is called, once, from the loop and never from within start(). The
// reader may be destroyed in it.
class ProxyHeaderUser {
 public:
  // The reader's client() is to be moved on from here.
  virtual void header_read(ProxyHeaderReader& reader, const ProxyHeader& header) noexcept = 0;
  // `why`: a constant text that quotes no octet of the connection. `is_empty`: it ended without a single
  // octet, as the probe of a balancer does that only connects.
  virtual void header_refused(ProxyHeaderReader& reader, telemetry::ProxyError error, std::string_view why,
                              bool is_empty) noexcept = 0;

 protected:
  ~ProxyHeaderUser() = default;
};

class ProxyHeaderReader {
 public:
  // `listener`: given back, as `peer` is.
  ProxyHeaderReader(ProxyHeaderUser& user, std::size_t listener, Socket client, Peer peer);
  ~ProxyHeaderReader();  // closes the connection if it was not moved on
  ProxyHeaderReader(const ProxyHeaderReader&) = delete;
  ProxyHeaderReader& operator=(const ProxyHeaderReader&) = delete;

  // 0, or libuv's error: then nobody is called.
  int start(uv_loop_t* loop, Duration time_limit);

  std::size_t listener() const noexcept { return listener_; }
  Socket& client() noexcept { return client_; }
  Peer& peer() noexcept { return peer_; }

 private:
  struct Handles;
  void close_handles() noexcept;

  ProxyHeaderUser& user_;
  std::size_t listener_;
  Socket client_;
  Peer peer_;
  Handles* handles_ = nullptr;
};

}  // namespace postern::net
