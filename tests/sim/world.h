// One simulated run: a real Session between a simulated client and a simulated upstream, under a virtual
// clock, with faults drawn from the seed, or with peers that are slow and break no deadline. After every step
// the checkers look; what they find stands in violations().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "session/session.h"
#include "sim/plans.h"
#include "sim/random.h"
#include "sim/reference_upstream.h"
#include "sim/script.h"
#include "sim/sim_client.h"
#include "spec/audit_double.h"
#include "telemetry/cells.h"
#include "unit/filters/ledger_double.h"

namespace postern::sim {

enum class Segments : std::uint8_t { Whole, Octets, Random };

struct WorldOptions {
  std::uint64_t seed = 1;
  Segments segments = Segments::Random;
  std::uint64_t segment_seed = 1;  // cuts and interleaving; the script and the answers hang on `seed` alone
  bool faults = false;   // resets, half-closes, drains, slow readers, failed dials, refused records, answers
                         // that come late, never or twice
  bool slow = false;     // each peer takes nearly all the time that it has, and is quiet for hours
  bool reloads = false;  // another plan is loaded behind every step
  bool drains = false;   // the process is told to end in the middle of it
};

// How often that came about which the checkers are about.
struct Tally {
  std::size_t bursts = 0;       // behind half a day of quiet
  std::size_t slow_bodies = 0;  // somebody took all the time there is while a message was on its way
  std::size_t late = 0;         // answers to what the gateway's services were asked
  std::size_t never = 0;
  std::size_t twice = 0;
  std::size_t crossed = 0;  // that come while another one is waited for
  std::size_t reloads = 0;  // between accept and the dial
};

class World {
 public:
  explicit World(const WorldOptions& options);
  void run();

  const std::vector<std::string>& violations() const { return violations_; }
  const SimClient& client() const { return client_; }
  const ReferenceUpstream& upstream() const { return upstream_; }
  const Tally& tally() const { return tally_; }
  bool ended() const { return ended_; }
  std::string why() const { return std::string(label_of(session_->fault().code)); }

 private:
  bool step();
  bool deliver(Side side);
  bool drain_output(Side side);
  void settle();
  void act(const session::Action& action);
  void route(const std::string& user);
  bool answer_waiting();
  void be_asked(const session::Ask& ask);
  void answer(session::Answered answered);
  bool answer_late();
  bool inject_fault();
  void load_another_plan();
  void drain();
  bool advance_clock();
  void pause();
  void let_time_pass(Duration time);
  void written();
  void check_clocks();
  void check_uploads();
  void check();
  void check_recorded();
  void check_seats();
  void check_denied();
  std::size_t cut(std::size_t available);
  void violate(const std::string& what);
  const config::Settings& settings() const { return plan_->snapshot().settings; }

  WorldOptions options_;
  Random dice_;
  Script script_;
  SimClient client_;
  ReferenceUpstream upstream_;
  // The newest, as a worker has it; and the session's own, as its relay holds it. Nothing else keeps that
  // one.
  std::vector<server::Published> others_;
  std::shared_ptr<server::Plan> loaded_;
  std::shared_ptr<const server::Plan> plan_;
  std::string dialled_;  // whose server; empty: none
  telemetry::WorkerCells cells_;
  testing::AuditDouble audit_;
  testing::LedgerDouble ledger_{{}};
  std::unique_ptr<session::Session> session_;
  Instant now_{};
  bool ended_ = false;
  bool client_secure_ = false;
  bool upstream_connected_ = false;
  bool slow_reader_ = false;
  std::deque<session::Event> waiting_;  // answers to actions, given later
  struct LateAnswer {
    session::Answered answer;
    Instant at;  // when nobody may wait for it any more
  };
  std::vector<LateAnswer> late_;
  std::set<std::uint64_t> records_;   // questions for the trail
  std::set<std::uint64_t> twice_;     // questions that will be
  std::set<std::uint64_t> answered_;  // in time
  std::size_t held_commands_ = 0;     // records asked for
  std::size_t durable_ = 0;           // and granted
  std::size_t checked_ = 0;           // of the upstream's commands
  Tally tally_;
  std::vector<std::string> violations_;
};

}  // namespace postern::sim
