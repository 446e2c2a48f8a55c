// A socket with an owner: closed when its Socket ends, unless it was released to libuv. Used where
// sockets are made (main thread) and where they are handed on (workers); a Socket has one owner at a time.
#pragma once

#include "base/descriptor.h"

namespace postern::net {

using Socket = Descriptor;

// A non-blocking, close-on-exec TCP socket; invalid (and errno set) if the kernel gives none.
Socket make_tcp_socket(int family) noexcept;

// NODELAY, and keep-alive: a peer that has vanished is found after 360 s (RFC 9293 §3.8.4). No
// TCP_USER_TIMEOUT, which would also end a peer that answers every probe and only keeps its window closed;
// limits.timeouts.stalled bounds that. Linux hands them on from a listening socket to those that it accepts,
// so a client's connection costs none of these calls. False (and errno) if one is refused.
bool set_tcp_options(int fd) noexcept;

}  // namespace postern::net
