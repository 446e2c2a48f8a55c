#include "net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace postern::net {

Socket make_tcp_socket(int family) noexcept {
  return Socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

bool set_tcp_options(int fd) noexcept {
  struct Option {
    int level;
    int name;
    int value;
  };
  // Without NODELAY the last short segment of a reply waits for the peer's delayed ACK: 40 ms for each login.
  static constexpr Option kOptions[] = {{IPPROTO_TCP, TCP_NODELAY, 1},
                                        {SOL_SOCKET, SO_KEEPALIVE, 1},
                                        {IPPROTO_TCP, TCP_KEEPIDLE, 300},
                                        {IPPROTO_TCP, TCP_KEEPINTVL, 20},
                                        {IPPROTO_TCP, TCP_KEEPCNT, 3}};
  for (const Option& option : kOptions)
    if (::setsockopt(fd, option.level, option.name, &option.value, sizeof option.value) != 0) return false;
  return true;
}

}  // namespace postern::net
