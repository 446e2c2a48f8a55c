#include "net/bind.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include "unit/net/support.h"

namespace postern::net {
namespace {

int option_of(const Socket& socket, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(socket.fd(), level, name, &value, &length), 0);
  return value;
}

Socket accept_from(const Socket& listener) {
  Socket accepted;
  while (!accepted.valid()) accepted = Socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  return accepted;
}

TEST(Bind, PortZeroIsResolvedOnceForAllWorkers) {
  const Result<Bound> bound = bind_sockets({"127.0.0.1", 0}, 3);
  ASSERT_TRUE(bound);
  ASSERT_EQ(bound->sockets.size(), 3U);
  EXPECT_NE(bound->port, 0);
  EXPECT_EQ(bound->text, "127.0.0.1:" + std::to_string(bound->port));
  for (const Socket& socket : bound->sockets) {
    EXPECT_EQ(port_of(address_of(socket)), bound->port);
    EXPECT_EQ(::listen(socket.fd(), 1), 0);
  }
}

TEST(Bind, ASecondInstanceIsFoundAndNamed) {
  const Result<Bound> first = bind_sockets({"127.0.0.1", 0}, 2);
  ASSERT_TRUE(first);
  for (const Socket& socket : first->sockets) ASSERT_EQ(::listen(socket.fd(), 1), 0);

  const Result<Bound> second = bind_sockets({"127.0.0.1", first->port}, 2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
  EXPECT_NE(second.error().detail.find(first->text), std::string::npos) << second.error().detail;
}

TEST(Bind, AnyAddressFindsAnInstanceOnOneAddress) {
  const Result<Bound> first = bind_sockets({"127.0.0.1", 0}, 1);
  ASSERT_TRUE(first);
  ASSERT_EQ(::listen(first->sockets[0].fd(), 1), 0);
  EXPECT_FALSE(bind_sockets({"0.0.0.0", first->port}, 1));
}

TEST(Bind, TakeoverSharesThePort) {
  const Result<Bound> first = bind_sockets({"127.0.0.1", 0}, 1);
  ASSERT_TRUE(first);
  ASSERT_EQ(::listen(first->sockets[0].fd(), 1), 0);
  const Result<Bound> second = bind_sockets({"127.0.0.1", first->port}, 1, true);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->port, first->port);
}

TEST(Bind, AnotherProgramOnThePortIsFoundEvenByATakeover) {
  const Socket other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_storage any_port = loopback(0);
  ASSERT_EQ(::bind(other.fd(), reinterpret_cast<const sockaddr*>(&any_port), length_of(any_port)), 0);
  ASSERT_EQ(::listen(other.fd(), 1), 0);
  const Result<Bound> bound = bind_sockets({"127.0.0.1", port_of(address_of(other))}, 1, true);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::AddressInUse);
}

TEST(Bind, AnyAddressServesBothFamilies) {
  if (!make_tcp_socket(AF_INET6).valid()) GTEST_SKIP() << "this kernel has no IPv6";
  for (const char* host : {"", "*", "::"}) {
    const Result<Bound> bound = bind_sockets({host, 0}, 1);
    ASSERT_TRUE(bound) << host;
    EXPECT_EQ(bound->text, "[::]:" + std::to_string(bound->port));
    ASSERT_EQ(::listen(bound->sockets[0].fd(), 2), 0);
    const Socket four = connect_to(loopback(bound->port));
    const Socket accepted = accept_from(bound->sockets[0]);
    EXPECT_EQ(address_of(accepted).ss_family, AF_INET6);
    EXPECT_EQ(address_text(address_of(accepted)), "127.0.0.1") << "v4-mapped is normalised";
  }
}

TEST(Bind, AcceptedSocketsInheritTheOptions) {
  const Socket listener = listening_socket();
  const Socket client = connect_to(address_of(listener));
  const Socket accepted = accept_from(listener);
  EXPECT_NE(option_of(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 300);
  EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 20);
  EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT), 0) << "it would end a window that is closed";
}

TEST(Bind, AForeignAddressIsASystemCallErrorThatNamesIt) {
  const Result<Bound> bound = bind_sockets({"192.0.2.1", 1993}, 1);  // TEST-NET-1: nobody has it
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::SystemCall);
  EXPECT_NE(bound.error().detail.find("192.0.2.1:1993"), std::string::npos) << bound.error().detail;
}

TEST(Bind, AHostNameIsResolvedAndARidiculousOneNamed) {
  EXPECT_TRUE(bind_sockets({"localhost", 0}, 1));
  const std::string host(300, 'x');  // longer than any name may be: no query leaves the machine
  const Result<Bound> bound = bind_sockets({host, 993}, 1);
  ASSERT_FALSE(bound);
  EXPECT_NE(bound.error().detail.find(host + ":993"), std::string::npos);
}

TEST(Socket, ClosesOnceAndMoves) {
  Socket socket = loopback_socket();
  const int fd = socket.fd();
  Socket moved = std::move(socket);
  EXPECT_FALSE(socket.valid());
  EXPECT_EQ(moved.fd(), fd);
  moved = Socket();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "the descriptor is closed";
}

}  // namespace
}  // namespace postern::net
