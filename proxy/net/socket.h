// A file descriptor with an owner: closed when its Socket ends, unless it was released to libuv. Used where
// sockets are made (main thread) and where they are handed on (workers); a Socket has one owner at a time.
#pragma once

#include <utility>

namespace postern::net {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) noexcept : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  bool valid() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void close() noexcept;

 private:
  int fd_ = -1;
};

// A non-blocking, close-on-exec TCP socket; invalid (and errno set) if the kernel gives none.
Socket make_tcp_socket(int family) noexcept;

// NODELAY, keepalive after 300 s, TCP_USER_TIMEOUT 60 s. Linux hands them on from a listening socket to those
// that it accepts, so a client's connection costs none of these calls. False (and errno) if one is refused.
bool set_tcp_options(int fd) noexcept;

}  // namespace postern::net
