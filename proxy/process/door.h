// How a connection becomes a session: accepts on the worker's listeners, reads the PROXY header where one is
// wanted, asks the gate (all sessions) and the Ledger (a network's), and makes what a Relay is started with.
// Whoever is not let in costs neither a session nor a handshake, and is counted. Owned by its Worker, used on
// the worker's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/log_sink.h"
#include "crypto/random.h"
#include "net/listener.h"
#include "process/session_gate.h"
#include "proxy_protocol/proxy_header_reader.h"
#include "relay/relay.h"
#include "upstreams/routing.h"

namespace postern::server {

// What a door needs of its worker, besides what a relay does.
class DoorHost : public net::RelayHost {
 public:
  virtual const std::shared_ptr<Plan>& plan() const noexcept = 0;  // of the next session
  // Let in: the session begins.
  virtual void admit(net::RelayOptions options, net::Socket client) = 0;
};

class Door final : private net::Acceptor, private net::ProxyHeaderUser {
 public:
  Door(DoorHost& host, SessionGate& gate) noexcept : host_(host), gate_(gate) {}
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  Result<void> open(std::vector<net::Socket> bound);  // one for each listener
  void apply_gate();                                  // pauses or resumes accepting
  void leave(std::size_t connections);  // that were let in have ended; their descriptors are free
  void close();                         // accepts no more, and forgets who has not said its header

 private:
  void accepted(std::size_t listener, net::Socket client, net::Peer peer) noexcept override;
  void accept_failed(std::size_t listener, int error) noexcept override;
  void header_read(net::ProxyHeaderReader& reader, const net::ProxyHeader& header) noexcept override;
  void header_refused(net::ProxyHeaderReader& reader, telemetry::ProxyError error, std::string_view why,
                      bool is_empty) noexcept override;

  void await_header(std::size_t listener, net::Socket client, net::Peer peer);
  void refuse_header(std::size_t listener, const net::Peer& peer, telemetry::ProxyError error,
                     std::string_view why, LogLevel level);
  void forget_headers();
  void refuse_client(std::size_t listener, const net::Socket& client, const filters::SessionFacts& facts);
  // `header`: what a balancer said; null where none is read.
  void begin(std::size_t listener, net::Socket client, net::Peer peer, const net::ProxyHeader* header);
  net::RelayOptions options_for(std::size_t listener, net::Peer client, net::Peer connected);
  bool tells_connected_address() const noexcept;

  const config::Listener& settings_of(std::size_t listener) const noexcept {
    return host_.plan()->snapshot().settings.listeners[listener];
  }
  telemetry::ListenerCells& cells_of(std::size_t listener) noexcept {
    return host_.cells().listeners[listener];
  }

  DoorHost& host_;
  SessionGate& gate_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unordered_map<net::ProxyHeaderReader*, std::unique_ptr<net::ProxyHeaderReader>> headers_;
  RandomSource random_;
  std::uint64_t complained_at_ns_ = 0;         // of what could not be accepted
  std::uint64_t complained_of_client_ns_ = 0;  // of too many sessions from one network
  bool closed_ = false;
};

}  // namespace postern::server
