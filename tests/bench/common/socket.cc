#include "common/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/options.h"

namespace postern::bench {

namespace {

void set_flag(int fd, int level, int option) {
  const int one = 1;
  ::setsockopt(fd, level, option, &one, sizeof one);
}

Fd tcp_socket() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) die(std::string("socket: ") + std::strerror(errno));
  return fd;
}

Transfer outcome(ssize_t result) {
  if (result > 0) return {Transfer::State::Done, static_cast<std::size_t>(result)};
  // A socket whose connect() is still under way answers ENOTCONN on some kernels.
  if (result < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
    return {Transfer::State::WouldBlock, 0};
  return {Transfer::State::Ended, 0};
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

sockaddr_in parse_address(const std::string& host_and_port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const auto colon = host_and_port.rfind(':');
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, host_and_port.substr(0, colon).c_str(), &address.sin_addr) != 1)
    die("not an address: " + host_and_port, 2);
  address.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(&host_and_port[colon + 1], nullptr, 10)));
  return address;
}

Fd listen_on(std::uint16_t port) {
  Fd fd = tcp_socket();
  set_flag(*fd, SOL_SOCKET, SO_REUSEADDR);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::bind(*fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(*fd, 4096) != 0)
    die(std::string("listen: ") + std::strerror(errno));
  return fd;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(*socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

Fd accept_from(const Fd& listener) {
  Fd fd(::accept4(*listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) set_nodelay(*fd);
  return fd;
}

Fd connect_to(const sockaddr_in& address) {
  Fd fd = tcp_socket();
  set_nodelay(*fd);
  const int result = ::connect(*fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result != 0 && errno != EINPROGRESS) return Fd();
  return fd;
}

void set_nodelay(int fd) { set_flag(fd, IPPROTO_TCP, TCP_NODELAY); }
void set_quickack(int fd) { set_flag(fd, IPPROTO_TCP, TCP_QUICKACK); }

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Transfer receive(int fd, char* into, std::size_t size) { return outcome(::recv(fd, into, size, 0)); }

Transfer transmit(int fd, const char* from, std::size_t size, int flags) {
  return outcome(::send(fd, from, size, MSG_NOSIGNAL | flags));
}

}  // namespace postern::bench
