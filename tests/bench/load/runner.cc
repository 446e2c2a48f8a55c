#include "load/runner.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace postern::bench {

Runner::Runner(const ConnectionSetup& connection, SSL_CTX* context, const RunnerSetup& setup)
    : connection_setup_(connection), setup_(setup) {
  SSL_CTX_set_app_data(context, this);
  if (connection.script.resumes) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_ticket);
  }
  ConnectionHost& host = *this;
  for (std::size_t i = 0; i < setup.connections; ++i)
    connections_.push_back(std::make_unique<Connection>(connection_setup_, host));
}

int Runner::on_ticket(SSL* ssl, SSL_SESSION* session) {
  static_cast<Runner*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->ticket_.reset(session);
  return 1;  // the session is ours now
}

bool Runner::set_up() {
  std::size_t started = 0;
  while (set_up_ < connections_.size() && measurement_.errors == 0) {
    while (started < connections_.size() && started - set_up_ < kSetUpAtOnce)
      connections_[started++]->start_set_up();
    if (set_up_ < connections_.size()) connection_setup_.poller.step(-1);
  }
  if (measurement_.errors == 0 && connection_setup_.script.resumes) fetch_ticket();
  return measurement_.errors == 0;
}

// One full login ahead of the measure, so that every measured handshake has a ticket to offer.
void Runner::fetch_ticket() {
  const std::uint64_t wanted = std::exchange(setup_.operations, 1);
  granted_ = 0;
  connections_.front()->start_operations();
  while (in_flight_ > 0) connection_setup_.poller.step(-1);
  setup_.operations = wanted;
}

void Runner::run() {
  const std::uint64_t errors = measurement_.errors;
  measurement_ = {};
  measurement_.errors = errors;
  measurement_.latencies.reserve(std::max<std::size_t>(setup_.operations, 1'000'000));
  granted_ = 0;
  measuring_ = true;
  begun_at_ = now();
  for (auto& connection : connections_) connection->start_operations();
  while (in_flight_ > 0) connection_setup_.poller.step(-1);
  measurement_.elapsed = now() - begun_at_;
}

void Runner::set_up_done() { ++set_up_; }

bool Runner::grant_operation() {
  if (measurement_.errors > kErrorsMax) return false;
  if (setup_.operations > 0 && granted_ >= setup_.operations) return false;
  if (setup_.operations == 0 && measuring_ && now() - begun_at_ >= setup_.duration) return false;
  ++granted_;
  ++in_flight_;
  return true;
}

void Runner::operation_done(Nanoseconds latency) {
  --in_flight_;
  measurement_.latencies.push_back(latency);
}

void Runner::failed(std::string_view why, bool in_operation) {
  if (in_operation) --in_flight_;
  if (++measurement_.errors == 1)
    std::fprintf(stderr, "error: %.*s\n", static_cast<int>(why.size()), why.data());
}

void Runner::shaken(bool resumed) {
  ++measurement_.handshakes;
  if (resumed) ++measurement_.resumed;
}

void Runner::count_octets(std::uint64_t received, std::uint64_t sent) {
  measurement_.octets_received += received;
  measurement_.octets_sent += sent;
}

}  // namespace postern::bench
