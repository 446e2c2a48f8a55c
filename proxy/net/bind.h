// Makes the listening sockets: socket, setsockopt, bind. The main thread does it for all listeners and
// workers before privileges are dropped and before any worker starts; the workers call listen
// (Listener::open).
//
// One socket for each worker, sharing the port by SO_REUSEPORT. Since that would let a second instance share
// the port silently, a trial bind without SO_REUSEPORT comes first; it fails while somebody else listens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "net/socket.h"

namespace postern::net {

struct Bound {
  std::string text;             // the address as it was bound, with the real port: [::]:993
  std::uint16_t port = 0;       // port 0 was resolved by the kernel, once for all sockets
  std::vector<Socket> sockets;  // one for each worker
};

// A host name is resolved here (start-up: blocking is allowed) and its first address taken; an empty host and
// `*` are [::]. [::] is dual-stack. Errors: AddressInUse, or SystemCall with errno's words; both name the
// address. `takeover` skips the trial bind: a new process takes over from an old one that still drains.
Result<Bound> bind_sockets(const config::HostPort& address, std::size_t workers, bool takeover = false);

}  // namespace postern::net
