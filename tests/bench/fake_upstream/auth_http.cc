#include "fake_upstream/auth_http.h"

#include <array>
#include <memory>
#include <utility>

namespace postern::bench {

AuthHttp::AuthHttp(Poller& poller, std::uint16_t imap_port, Fd socket)
    : poller_(poller), imap_port_(imap_port), socket_(std::move(socket)) {}

void AuthHttp::start(Poller& poller, std::uint16_t imap_port, Fd socket) {
  auto* peer = new AuthHttp(poller, imap_port, std::move(socket));  // freed by close()
  poller.add(*peer->socket_, EPOLLIN, *peer);
}

void AuthHttp::ready(std::uint32_t) {
  if (!socket_.valid()) return;
  std::array<char, 4096> buffer;
  const Transfer got = receive(*socket_, buffer.data(), buffer.size());
  if (got.state == Transfer::State::Ended) return close();
  request_.append(buffer.data(), got.octets);
  if (!request_.ends_with("\r\n\r\n")) return;
  const std::string answer = "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: " +
                             std::to_string(imap_port_) + "\r\n\r\n";
  transmit(*socket_, answer.data(), answer.size());
  close();
}

void AuthHttp::close() {
  socket_.reset();
  poller_.retire(std::unique_ptr<Watcher>(this));
}

}  // namespace postern::bench
