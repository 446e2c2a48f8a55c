// One simulated run: a real Session between a simulated client and a simulated upstream, under a virtual
// clock, with faults drawn from the seed. After every step the checkers look; what they find stands in
// violations().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "sim/random.h"
#include "sim/reference_upstream.h"
#include "sim/script.h"
#include "sim/sim_client.h"
#include "spec/audit_double.h"

namespace postern::sim {

enum class Segments : std::uint8_t { Whole, Octets, Random };

struct WorldOptions {
  std::uint64_t seed = 1;
  Segments segments = Segments::Random;
  std::uint64_t segment_seed = 1;  // cuts and interleaving; the script and the answers hang on `seed` alone
  bool faults = false;             // resets, half-closes, drains, slow readers, failed dials, refused records
};

class World {
 public:
  explicit World(const WorldOptions& options);
  void run();

  const std::vector<std::string>& violations() const { return violations_; }
  const SimClient& client() const { return client_; }
  const ReferenceUpstream& upstream() const { return upstream_; }
  bool ended() const { return ended_; }
  std::string why() const { return std::string(label_of(session_->fault().code)); }

 private:
  bool step();
  bool deliver(Side side);
  bool drain_output(Side side);
  void settle();
  void act(const session::Action& action);
  bool answer_waiting();
  bool inject_fault();
  bool advance_clock();
  void check();
  void check_recorded();
  void check_denied();
  std::size_t cut(std::size_t available);
  void violate(const std::string& what);

  WorldOptions options_;
  Random dice_;
  Script script_;
  SimClient client_;
  ReferenceUpstream upstream_;
  config::Settings settings_;
  telemetry::WorkerCells cells_;
  testing::AuditDouble audit_;
  std::unique_ptr<session::Session> session_;
  Instant now_{};
  bool ended_ = false;
  bool client_secure_ = false;
  bool upstream_connected_ = false;
  bool slow_reader_ = false;
  std::deque<session::Event> waiting_;  // answers to actions, given later
  std::size_t held_commands_ = 0;       // records asked for
  std::size_t durable_ = 0;             // and granted
  std::size_t checked_ = 0;             // of the upstream's commands
  std::vector<std::string> violations_;
};

}  // namespace postern::sim
