#include "net/bind.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "net/address.h"

namespace postern::net {
namespace {

Error failure(const std::string& what, const std::string& where, int error) {
  std::string detail = "cannot " + what + " " + where + ": " + std::strerror(error);
  if (error == EADDRINUSE) {
    detail += " (is another instance running?)";
    return {ErrorCode::AddressInUse, detail};
  }
  if (error == EACCES) detail += " (a port below 1024 needs root or CAP_NET_BIND_SERVICE)";
  return {ErrorCode::SystemCall, detail};
}

std::string place_of(const config::HostPort& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool means_any(const std::string& host) { return host.empty() || host == "*"; }

Result<sockaddr_storage> resolve(const config::HostPort& address) {
  if (means_any(address.host)) return *parse_address("::", address.port);
  if (const auto numeric = parse_address(address.host, address.port)) return *numeric;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int rc = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (rc != 0)
    return Error{ErrorCode::SystemCall, "cannot resolve " + place_of(address) + ": " + ::gai_strerror(rc)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  sockaddr_storage out{};
  std::memcpy(&out, found->ai_addr, found->ai_addrlen);
  return out;
}

bool set_flag(const Socket& socket, int level, int name, int value) noexcept {
  return ::setsockopt(socket.fd(), level, name, &value, sizeof value) == 0;
}

// A socket that is bound; invalid (and errno set) otherwise.
Socket bound_socket(const sockaddr_storage& address, bool share) noexcept {
  Socket socket = make_tcp_socket(address.ss_family);
  if (!socket.valid()) return socket;
  const bool ready =
      set_flag(socket, SOL_SOCKET, SO_REUSEADDR, 1) &&
      (!share || set_flag(socket, SOL_SOCKET, SO_REUSEPORT, 1)) &&
      (address.ss_family != AF_INET6 || set_flag(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0)) &&
      set_tcp_options(socket.fd()) &&
      ::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), length_of(address)) == 0;
  if (ready) return socket;
  const int error = errno;
  socket.close();
  errno = error;
  return socket;
}

bool local_address(const Socket& socket, sockaddr_storage& out) noexcept {
  socklen_t length = sizeof out;
  return ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&out), &length) == 0;
}

}  // namespace

Result<Bound> bind_sockets(const config::HostPort& address, std::size_t workers, bool takeover) {
  Result<sockaddr_storage> resolved = resolve(address);
  if (!resolved) return resolved.error();
  sockaddr_storage where = *resolved;
  // A kernel without IPv6 still serves "any address".
  if (means_any(address.host) && !make_tcp_socket(AF_INET6).valid() && errno == EAFNOSUPPORT)
    where = *parse_address("0.0.0.0", address.port);

  if (address.port != 0 && !takeover && !bound_socket(where, false).valid())
    return failure("listen on", host_port_text(where), errno);

  Bound bound;
  for (std::size_t i = 0; i < workers; ++i) {
    Socket socket = bound_socket(where, true);
    // From the second socket on `where` carries the port that the kernel chose for the first.
    if (!socket.valid() || !local_address(socket, where))
      return failure("listen on", host_port_text(where), errno);
    bound.sockets.push_back(std::move(socket));
  }
  bound.text = host_port_text(where);
  bound.port = port_of(where);
  return bound;
}

}  // namespace postern::net
