// One event loop on a thread of its own: its door, the scratch memory, the metric cells, the run queue
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

#include "audit/writer/writer.h"
#include "base/log_sink.h"
#include "base/seats.h"
#include "net/mailbox.h"
#include "plan/snapshot.h"
#include "process/door.h"
#include "process/services.h"
#include "process/session_gate.h"
#include "relay/relay.h"
#include "telemetry/cells.h"
#include "upstreams/upstream_view.h"

namespace postern::server {

// What the workers have in common.
struct WorkerEnvironment {
  Ledger& ledger;
  LogSink& log;
  SessionGate& gate;
  std::function<void()> ended;     // called on the worker's thread: its last session has ended after drain()
  audit::Writer* audit = nullptr;  // not started yet; outlives the workers. Null: nothing is recorded
};

class Worker final : public DoorHost {
 public:
  Worker(WorkerEnvironment& environment, std::size_t listeners, const CellSlots& slots);
  ~Worker() override;  // main; after join()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // main. One bound socket for each listener. Returns when the worker accepts, or why it cannot.
  Result<void> start(std::vector<net::Socket> bound, Published published);
  // `adopted` is called on the worker's thread: its next session has what was published.
  void publish(Published published, std::function<void()> adopted = nullptr);
  void notify_gate();  // any thread
  void drain();        // stops accepting, ends sessions at their next boundary, then the thread
  void kill();         // after drain(): ends the sessions now
  void join();
  const telemetry::WorkerCells& counted() const noexcept { return cells_; }  // any thread

  uv_loop_t* loop() noexcept override { return &loop_; }
  net::Scratch& scratch() noexcept override { return scratch_; }
  telemetry::WorkerCells& cells() noexcept override { return cells_; }
  Ledger& ledger() noexcept override { return environment_.ledger; }
  LogSink& log() noexcept override { return environment_.log; }
  AuditTrail* audit() noexcept override { return audit_; }
  Services& services() noexcept override { return services_; }
  void enqueue(net::Relay& relay) override;
  void ended(net::Relay& relay) noexcept override;

  const std::shared_ptr<Plan>& plan() const noexcept override { return plan_; }
  void admit(net::RelayOptions options, net::Socket client) override;

 private:
  Result<void> open(std::vector<net::Socket> bound);
  void watch_rounds();
  void adopt(Published published);
  void run_queue();
  void reap();  // destroys the relays that have ended
  void finish_if_empty();
  void close_handles();

  WorkerEnvironment& environment_;
  AuditTrail* audit_ = nullptr;
  WorkerServices services_;
  telemetry::WorkerCells cells_;
  net::Scratch scratch_;
  std::shared_ptr<Plan> plan_;  // of the next session
  Door door_;
  std::unordered_map<net::Relay*, std::unique_ptr<net::Relay>> relays_;
  std::vector<net::Relay*> queue_;  // relays whose turn comes in the loop's next round
  std::vector<net::Relay*> turns_;  // those whose turn it is; null where one ended meanwhile
  std::vector<net::Relay*> ended_;  // ended, to be destroyed before the loop sleeps
  net::Mailbox mailbox_;
  uv_loop_t loop_{};
  uv_idle_t idle_{};           // active while queue_ is not empty
  uv_prepare_t prepare_{};     // before the loop sleeps
  uv_check_t check_{};         // when it has woken and the sockets' callbacks have run
  std::uint64_t busy_ns_ = 0;  // of this round, up to check_
  std::uint64_t checked_at_ns_ = 0;
  bool draining_ = false;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace postern::server
