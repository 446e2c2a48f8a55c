// Drives all connections of one run: sets them up, lets them work until enough operations are done or the
// time is over, and keeps the count. Used by main() on the one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "load/connection.h"

namespace postern::bench {

struct RunnerSetup {
  std::size_t connections = 1;
  std::uint64_t operations = 0;  // 0: by time
  Nanoseconds duration = 0;
};

class Runner : private ConnectionHost {
 public:
  Runner(const ConnectionSetup& connection, SSL_CTX* context, const RunnerSetup& setup);

  // Brings all connections to the point where the measure begins; false if one of them failed.
  bool set_up();
  // Performs the operations, then waits until those that were begun have ended.
  void run();
  Measurement& measurement() { return measurement_; }

 private:
  // During set-up so many connections are on their way at once: more would overflow the server's backlog.
  static constexpr std::size_t kSetUpAtOnce = 64;
  static constexpr std::uint64_t kErrorsMax = 100;

  static int on_ticket(SSL* ssl, SSL_SESSION* session);
  void fetch_ticket();

  void set_up_done() override;
  bool grant_operation() override;
  void operation_done(Nanoseconds latency) override;
  void failed(std::string_view why, bool in_operation) override;
  void shaken(bool resumed) override;
  void count_octets(std::uint64_t received, std::uint64_t sent) override;
  SSL_SESSION* newest_ticket() override { return ticket_.get(); }

  ConnectionSetup connection_setup_;
  RunnerSetup setup_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Measurement measurement_;
  SslSessionPtr ticket_;
  Nanoseconds begun_at_ = 0;
  std::uint64_t granted_ = 0;
  std::uint64_t in_flight_ = 0;
  std::size_t set_up_ = 0;
  bool measuring_ = false;
};

}  // namespace postern::bench
