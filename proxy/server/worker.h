// One event loop on a thread of its own: its listeners, the scratch memory, the metric cells, the run queue
// and the relays of its sessions. Everything but the functions marked "main" runs on that thread. It never
// blocks, and locks only what is asked at accept and at login.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "audit/writer.h"
#include "base/ledger.h"
#include "base/log_sink.h"
#include "net/listener.h"
#include "net/mailbox.h"
#include "net/proxy_header_reader.h"
#include "net/relay.h"
#include "server/random.h"
#include "server/session_gate.h"
#include "server/snapshot.h"
#include "server/upstream_view.h"
#include "telemetry/cells.h"

namespace postern::server {

// What the workers have in common.
struct WorkerSurroundings {
  Ledger& ledger;
  LogSink& log;
  SessionGate& gate;
  std::function<void()> ended;     // called on the worker's thread: its last session has ended after drain()
  audit::Writer* audit = nullptr;  // not started yet; outlives the workers. Null: nothing is recorded
};

class Worker final : public net::RelayHost, private net::Acceptor, private net::ProxyHeaderUser {
 public:
  Worker(WorkerSurroundings& around, std::size_t listeners, const CellSlots& slots);
  ~Worker() override;  // main; after join()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // main. One bound socket for each listener. Returns when the worker accepts, or why it cannot.
  Result<void> start(std::vector<net::Socket> bound, Published published);
  // `adopted` is called on the worker's thread: its next session has what was published.
  void publish(Published published, std::function<void()> adopted = nullptr);
  void look_at_gate();  // any thread
  void drain();         // stops accepting, ends sessions at their next boundary, then the thread
  void kill();          // after drain(): ends the sessions now
  void join();
  const telemetry::WorkerCells& counted() const noexcept { return cells_; }  // any thread

  uv_loop_t* loop() noexcept override { return &loop_; }
  net::Scratch& scratch() noexcept override { return scratch_; }
  telemetry::WorkerCells& cells() noexcept override { return cells_; }
  Ledger& ledger() noexcept override { return around_.ledger; }
  LogSink& log() noexcept override { return around_.log; }
  AuditTrail* audit() noexcept override { return audit_; }
  net::Candidates candidates(const filters::SessionFacts& facts, const TlsFacts& tls,
                             const std::string& user) override;
  void enqueue(net::Relay& relay) override;
  void ended(net::Relay& relay) noexcept override;

 private:
  void accepted(std::size_t listener, net::Socket client, net::Peer peer) noexcept override;
  void accept_failed(std::size_t listener, int error) noexcept override;
  void header_read(net::ProxyHeaderReader& reader, const net::ProxyHeader& header) noexcept override;
  void header_refused(net::ProxyHeaderReader& reader, telemetry::ProxyError error, std::string_view why,
                      bool is_empty) noexcept override;

  Result<void> open(std::vector<net::Socket> bound);
  void watch_rounds();
  void adopt(Published published);
  void await_header(std::size_t listener, net::Socket client, net::Peer peer);
  void refuse_header(std::size_t listener, const net::Peer& peer, telemetry::ProxyError error,
                     std::string_view why, LogLevel level);
  void forget_headers();
  // `header`: what a balancer said; null where none is read.
  bool may_complain(std::uint64_t& last_ns) noexcept;
  void refuse_client(std::size_t listener, const net::Socket& client, const std::string& address);
  void begin(std::size_t listener, net::Socket client, net::Peer peer, const net::ProxyHeader* header);
  net::RelayOptions options_for(std::size_t listener, net::Peer client, net::Peer connected);
  void run_queue();
  void bury();  // destroys the relays that have ended
  void leave(std::size_t connections);
  void obey_gate();
  void finish_if_empty();
  void close_handles();

  WorkerSurroundings& around_;
  AuditTrail* audit_ = nullptr;
  telemetry::WorkerCells cells_;
  net::Scratch scratch_;
  Published published_;
  bool tells_connected_address_ = false;  // an upstream is told what the client connected to
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unordered_map<net::ProxyHeaderReader*, std::unique_ptr<net::ProxyHeaderReader>> headers_;
  std::unordered_map<net::Relay*, std::unique_ptr<net::Relay>> relays_;
  std::vector<net::Relay*> queue_;   // relays whose turn comes in the loop's next round
  std::vector<net::Relay*> turns_;   // those whose turn it is; null where one ended meanwhile
  std::vector<net::Relay*> buried_;  // ended, to be destroyed before the loop sleeps
  RandomSource random_;
  net::Mailbox mailbox_;
  uv_loop_t loop_{};
  uv_idle_t idle_{};           // active while queue_ is not empty
  uv_prepare_t prepare_{};     // before the loop sleeps
  uv_check_t check_{};         // when it has woken and the sockets' callbacks have run
  std::uint64_t busy_ns_ = 0;  // of this round, up to check_
  std::uint64_t checked_at_ns_ = 0;
  std::uint64_t complained_at_ns_ = 0;         // of what could not be accepted
  std::uint64_t complained_of_client_ns_ = 0;  // of too many sessions from one network
  bool draining_ = false;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace postern::server
