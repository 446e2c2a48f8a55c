#include "sim/world.h"

#include <algorithm>
#include <utility>

#include "filters/command_rules.h"
#include "filters/tls_policy.h"
#include "sim/recorder_filter.h"

namespace postern::sim {
namespace {

constexpr std::size_t kStepsMax = 2'000'000;

// A third of the seeds: the gateway asks the upstream itself, changes commands, and refuses what deletes.
void add_rules(config::Settings& settings) {
  config::Rule archive;
  archive.action = config::RuleAction::ReadOnly;
  archive.when.mailboxes = {{"Archive/**", false, {}}};
  config::Rule all;
  all.action = config::RuleAction::Organise;
  settings.rules = {std::move(archive), std::move(all)};
}

// Half of the seeds: commands are recorded as in the product, and by a filter that stands in for it
// otherwise.
void add_audit(config::Settings& settings) {
  settings.audit.file = "audit.log";
  settings.audit.events = config::audited::kDestructive | config::audited::kWrite | config::audited::kPolicy;
}

filters::Chain make_sim_chain(const config::Settings& settings) {
  std::vector<std::unique_ptr<filters::Filter>> filters;
  filters.push_back(std::make_unique<filters::TlsPolicy>());
  if (!settings.rules.empty())
    filters.push_back(
        std::make_unique<filters::CommandRules>(std::make_shared<const filters::Policy>(settings)));
  filters.push_back(std::make_unique<RecorderFilter>(!settings.audit.on()));
  return filters::Chain(std::move(filters));
}

// By its words alone, as the script writes them.
bool destroys(const std::string& command) {
  const std::string words = command.substr(command.find(' ') + 1);
  for (const char* verb : {"EXPUNGE", "UID EXPUNGE", "DELETE ", "UID MOVE 1 Trash"})
    if (words.starts_with(verb)) return true;
  const bool marks = words.find("(\\Deleted)") != std::string::npos;
  return marks &&
         (words.starts_with("STORE ") || words.starts_with("UID STORE ") || words.starts_with("APPEND "));
}

// The command's name without UID.
std::string verb_of(const std::string& command) {
  std::string words = command.substr(command.find(' ') + 1);
  if (words.starts_with("UID ")) words.erase(0, 4);
  return words.substr(0, words.find_first_of(" \r\n"));
}

Script script_of(std::uint64_t seed) {
  Random random(seed);
  return make_script(random);
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      dice_(options.segment_seed ^ 0xD1CEU),
      script_(script_of(options.seed)),
      client_(script_),
      upstream_(options.seed, options.faults) {
  settings_.limits.buffer = 32 * 1024;
  if (options.seed % 3 == 0) add_rules(settings_);
  if (options.seed % 2 == 0) add_audit(settings_);
  cells_.listeners.emplace_back();
  cells_.upstreams.emplace_back();
  session::Environment environment;
  environment.settings = &settings_;
  environment.offer = std::make_shared<session::Offer>(session::make_offer({}, settings_));
  environment.cells = &cells_;
  environment.facts.listener = "sim";
  environment.facts.tls = script_.starttls ? config::ListenerTls::Starttls : config::ListenerTls::Implicit;
  environment.facts.client_address = "192.0.2.1";
  environment.facts.trusted = script_.trusted;
  environment.version = "1";
  environment.tag_seed = options.seed;
  if (settings_.audit.on()) environment.audit = &audit_;
  session_ = std::make_unique<session::Session>(std::move(environment), make_sim_chain(settings_), now_);
  if (!script_.starttls) {
    client_.tls_started();
    waiting_.push_back(session::TlsReady{Side::Client, {true, 3, false, "X", "X", "", ""}});
  }
}

void World::violate(const std::string& what) { violations_.push_back(what); }

std::size_t World::cut(std::size_t available) {
  switch (options_.segments) {
    case Segments::Whole:
      return std::min<std::size_t>(available, 64 * 1024);
    case Segments::Octets:
      return 1;
    case Segments::Random:
      break;
  }
  return 1 + dice_.below(std::min<std::size_t>(available, dice_.chance(50) ? 10 : 20000));
}

void World::run() {
  settle();
  for (std::size_t steps = 0; steps < kStepsMax && violations_.empty(); ++steps) {
    check();
    if (step()) continue;
    if (ended_ || client_.finished()) return check_denied();
    if (!advance_clock()) {
      violate("nothing can happen any more, and no deadline is set");
    }
  }
  check_denied();
}

// One thing happens, drawn among those that can.
bool World::step() {
  if (options_.faults && dice_.chance(1) && dice_.chance(30) && inject_fault()) return true;
  const std::size_t first = options_.segments == Segments::Random ? dice_.below(6) : 0;
  for (std::size_t i = 0; i < 6; ++i) {
    switch ((first + i) % 6) {
      case 0: {
        const std::size_t before = client_.output().size();
        client_.act();
        if (client_.output().size() != before) return true;
        break;
      }
      case 1:
        if (deliver(Side::Client)) return true;
        break;
      case 2:
        if (drain_output(Side::Upstream)) return true;
        break;
      case 3:
        if (deliver(Side::Upstream)) return true;
        break;
      case 4:
        if (!slow_reader_ && drain_output(Side::Client)) return true;
        break;
      case 5:
        if (answer_waiting()) return true;
        break;
    }
  }
  if (session_->has_work()) {
    session_->resume(now_);
    settle();
    return true;
  }
  return std::exchange(slow_reader_, false);
}

bool World::deliver(Side side) {
  std::string& pipe = side == Side::Client ? client_.output() : upstream_.output();
  if (ended_ || pipe.empty() || !session_->wants_read(side)) return false;
  if (side == Side::Upstream && !upstream_connected_) return false;
  if (side == Side::Client && client_.wants_tls()) return false;
  // The memory is overwritten afterwards: what the session borrowed and did not keep would show.
  std::string octets = pipe.substr(0, cut(pipe.size()));
  pipe.erase(0, octets.size());
  session_->input(side, octets, now_);
  settle();
  std::fill(octets.begin(), octets.end(), '\x7f');
  return true;
}

bool World::drain_output(Side side) {
  session::Pieces& pieces = session_->output(side);
  if (pieces.empty()) return false;
  const Octets front = pieces.front();
  const std::string octets(front.substr(0, cut(front.size())));
  pieces.drop(octets.size());
  session_->keep();
  if (side == Side::Client) {
    client_.receive(octets);
    if (!client_secure_ && client_.transcript().find(kPassword) != std::string::npos)
      violate("a secret in clear");
  } else {
    if (script_.starttls && !client_secure_) violate("octets for the upstream before TLS: " + octets);
    upstream_.receive(octets);
  }
  return true;
}

// Carries out the actions, and keeps what has to be kept.
void World::settle() {
  while (const auto action = session_->next_action()) act(*action);
  session_->keep();
}

void World::act(const session::Action& action) {
  struct Visitor {
    World& world;
    void operator()(const session::Connect& connect) const {
      world.upstream_connected_ = false;
      world.upstream_.output().clear();
      if (connect.next || (world.options_.faults && world.dice_.chance(10))) {
        world.waiting_.push_back(session::UpstreamFailed{ErrorCode::UpstreamDown});
      } else {
        world.waiting_.push_back(session::UpstreamConnected{config::UpstreamTls::Off, world.script_.send_id});
      }
    }
    void operator()(const session::ClientKnown& known) const {
      if (!world.script_.trusted) world.violate("an ID was believed: " + known.facts.client_address);
    }
    void operator()(const session::StartTls& start) const {
      world.waiting_.push_back(session::TlsReady{start.side, {true, 3, false, "X", "X", "", ""}});
    }
    void operator()(const session::PolicyDecision&) const {}
    void operator()(const session::Hold& hold) const {
      ++world.held_commands_;
      if (world.settings_.audit.on()) world.audit_.hold(hold);
      const bool granted = !world.options_.faults || !world.dice_.chance(20);
      world.waiting_.push_back(session::Released{hold.id, granted});
    }
    void operator()(const session::Unhold& unhold) const { world.audit_.unhold(unhold); }
    void operator()(const session::Recorded& recorded) const { world.audit_.recorded(recorded); }
    void operator()(const session::LoginResult& result) const {
      if (result.user.find(kPassword) != std::string::npos) world.violate("the password as a user name");
      if (result.result == telemetry::AuthResult::Failure)
        world.waiting_.push_back(session::Penalty{std::chrono::seconds(1)});
    }
    void operator()(const session::Disconnect&) const { world.upstream_connected_ = false; }
    void operator()(const session::Close&) const {
      world.ended_ = true;
      world.audit_.ended();
    }
  };
  std::visit(Visitor{*this}, action);
}

bool World::answer_waiting() {
  if (waiting_.empty()) return false;
  session::Event event = waiting_.front();
  if (const auto* ready = std::get_if<session::TlsReady>(&event);
      ready != nullptr && ready->side == Side::Client) {
    // STARTTLS: first everything said in clear has to be out.
    if (!session_->output(Side::Client).empty() || (script_.starttls && !client_.wants_tls())) return false;
    client_secure_ = true;
    client_.tls_started();
  }
  waiting_.pop_front();
  if (std::holds_alternative<session::UpstreamConnected>(event)) {
    upstream_connected_ = true;
    upstream_.connect();
  }
  if (const auto* released = std::get_if<session::Released>(&event)) {
    durable_ += released->granted ? 1 : 0;
    audit_.release(released->id, released->granted);
  }
  session_->event(event, now_);
  settle();
  return true;
}

bool World::inject_fault() {
  if (ended_) return false;
  switch (dice_.below(6)) {
    case 0:
      session_->event(session::EndOfFile{Side::Client, dice_.chance(50)}, now_);
      break;
    case 1:
      if (!upstream_connected_) return false;
      session_->event(session::EndOfFile{Side::Upstream, false}, now_);
      break;
    case 2:
      if (!upstream_connected_) return false;
      session_->event(session::Failed{Side::Upstream, ErrorCode::UpstreamReset}, now_);
      break;
    case 3:
      session_->event(session::Failed{Side::Client, ErrorCode::ClientReset}, now_);
      break;
    case 4:
      session_->event(session::Drain{}, now_);
      break;
    case 5:
      slow_reader_ = true;
      return true;
  }
  settle();
  return true;
}

bool World::advance_clock() {
  const auto deadline = session_->deadline();
  if (!deadline) return false;
  now_ = std::max(now_, *deadline);
  session_->tick(now_);
  settle();
  return true;
}

void World::check() {
  for (const std::string& what : client_.violations()) violate("client: " + what);
  for (const std::string& what : upstream_.violations()) violate("upstream: " + what);
  for (const Side side : {Side::Client, Side::Upstream}) {
    if (session_->buffered(side) > settings_.limits.buffer + 2 * 64 * 1024)
      violate("a queue grew past its cap");
  }
  if (session_->fault().excerpt.find(kPassword) != std::string::npos)
    violate("a secret in the fault's excerpt");
  for (const std::string& command : upstream_.commands()) {
    if (!script_.trusted && command.find(kForgedAddress) != std::string::npos)
      violate("a forged address was passed on: " + command);
    const bool own = command.front() == 'P' && command.find(" ID ") != std::string::npos;
    if (own && command.find("NIL") != std::string::npos) violate("an ID with NIL of our own: " + command);
    if (own && !script_.send_id && command.find(kForgery) != std::string::npos)
      violate("the client's address without send_id: " + command);
  }
  check_recorded();
}

// Write-ahead: what destroys has a durable record before it is at the upstream; where a filter stands in for
// the trail, every EXPUNGE and APPEND has.
void World::check_recorded() {
  if (!audit_.problem().empty()) violate(audit_.problem());
  if (settings_.audit.on()) {
    for (; checked_ < upstream_.commands().size(); ++checked_) {
      const std::string& command = upstream_.commands()[checked_];
      if (destroys(command) && !audit_.was_durable(verb_of(command)))
        violate("forwarded before its record was durable: " + command);
    }
    return;
  }
  std::size_t recorded = 0;
  for (const std::string& command : upstream_.commands()) {
    const bool append = command.find(" APPEND ") < 6;
    if (append || command.find("EXPUNGE") < 12) ++recorded;
  }
  if (recorded > durable_) violate("forwarded before its record was durable");
}

// What was denied was never executed by a parser that takes the octets as a server does.
void World::check_denied() {
  for (const std::string& command : upstream_.commands()) {
    if (command.find(" DELETE ") < 6) violate("denied, but executed: " + command);
    if (command.find(std::string("APPEND ") + kForbidden) < 8) violate("denied, but executed: " + command);
    if (!settings_.rules.empty() && destroys(command)) violate("forbidden by the rules: " + command);
  }
}

}  // namespace postern::sim
