// The other half of nginx's auth_http: every user is let in and sent to the fake IMAP server. One connection,
// one request, one answer. Owned by itself: it retires to the poller when the connection ends.
#pragma once

#include <cstdint>
#include <string>

#include "common/poller.h"
#include "common/socket.h"

namespace postern::bench {

class AuthHttp : public Watcher {
 public:
  static void start(Poller& poller, std::uint16_t imap_port, Fd socket);

  void ready(std::uint32_t events) override;

 private:
  AuthHttp(Poller& poller, std::uint16_t imap_port, Fd socket);
  void close();

  Poller& poller_;
  std::uint16_t imap_port_;
  Fd socket_;
  std::string request_;
};

}  // namespace postern::bench
