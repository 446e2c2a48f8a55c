// The status listener: /metrics, /livez, /readyz and /startupz over HTTP on the main loop. Read-only and safe
// to show to a cluster: it names listeners, upstreams and certificates, never users or clients. It has its
// own limits, so that whoever can reach it cannot hold memory or descriptors: connections, head, time.
#pragma once

#include <uv.h>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/listener.h"
#include "status/http.h"

namespace postern::server {

struct StatusTimes {
  std::uint64_t request_ms = 10'000;  // for a head to come in, and for an answer to be taken
  std::uint64_t idle_ms = 75'000;     // between requests; Prometheus asks every 15 to 60 s
  std::uint64_t sweep_ms = 1'000;     // how often this is looked at, while there are connections
};

class StatusListener final : private net::Acceptor {
 public:
  static constexpr std::size_t kConnectionsMax = 64;

  StatusListener(uv_loop_t* loop, HttpSession::Handler handler, StatusTimes times = {});
  ~StatusListener() override;
  Result<void> open(net::Socket bound);
  void close();  // the loop's next turns free what is open
  std::size_t connections() const noexcept { return connections_.size(); }

 private:
  class Connection;

  void accepted(std::size_t listener, net::Socket client, net::Peer peer) noexcept override;
  void accept_failed(std::size_t listener, int error) noexcept override;
  static void on_timer(uv_timer_t* timer);
  void remove(Connection& connection);

  uv_loop_t* loop_;
  HttpSession::Handler handler_;
  StatusTimes times_;
  net::Listener listener_;
  std::list<Connection*> connections_;  // each frees itself when libuv has closed its handle
  uv_timer_t* timer_;                   // runs while there are connections
  bool closed_ = false;
};

}  // namespace postern::server
