// Resolves host names for the main thread, by getaddrinfo on libuv's thread pool (search domains, nsswitch,
// hosts file as everywhere on the machine). Numeric addresses never come here. Main thread only.
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace postern::server {

class Resolver {
 public:
  // In the order of RFC 6724, without duplicates; never empty.
  using Addresses = std::vector<sockaddr_storage>;
  using Done = std::function<void(Result<Addresses>)>;

  explicit Resolver(uv_loop_t* loop) : loop_(loop) {}
  ~Resolver() { cancel(); }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // One at a time: while running() a further call does nothing. `done` is called from the loop, never from
  // within resolve() unless the look-up cannot even be started.
  void resolve(const std::string& host, std::uint16_t port, Done done);
  bool running() const noexcept { return request_ != nullptr; }
  void cancel() noexcept;  // done is not called any more

 private:
  struct Request;
  static void resolved(uv_getaddrinfo_t* request, int status, addrinfo* found);

  uv_loop_t* loop_;
  Request* request_ = nullptr;  // libuv's until it calls back
};

}  // namespace postern::server
