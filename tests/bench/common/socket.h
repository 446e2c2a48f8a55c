// Small helpers over TCP sockets: all sockets are non-blocking, close-on-exec and have TCP_NODELAY.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <utility>

namespace postern::bench {

// Owns one descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }

  int operator*() const noexcept { return fd_; }
  bool valid() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

sockaddr_in parse_address(const std::string& host_and_port);  // 127.0.0.1:143; ends the process if it is none
Fd listen_on(std::uint16_t port);                             // on 127.0.0.1; 0 lets the kernel choose
std::uint16_t port_of(const Fd& socket);
Fd accept_from(const Fd& listener);  // invalid when nobody is waiting
Fd connect_to(const sockaddr_in& address);
void set_nodelay(int fd);
void set_quickack(int fd);
void raise_descriptor_limit();

// The outcome of one send() or recv(): how many octets, or that the socket would block, or that it is over.
struct Transfer {
  enum class State { Done, WouldBlock, Ended };
  State state = State::Done;
  std::size_t octets = 0;
};
Transfer receive(int fd, char* into, std::size_t size);
Transfer transmit(int fd, const char* from, std::size_t size, int flags = 0);

}  // namespace postern::bench
