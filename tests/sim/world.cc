#include "sim/world.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "filters/command_rules.h"
#include "filters/limits.h"
#include "filters/tls_policy.h"
#include "sim/recorder_filter.h"

namespace postern::sim {
namespace {

constexpr std::size_t kStepsMax = 2'000'000;

filters::Chain make_sim_chain(const server::Snapshot& snapshot, Ledger& ledger) {
  const config::Settings& settings = snapshot.settings;
  std::vector<std::unique_ptr<filters::Filter>> filters;
  filters.push_back(std::make_unique<filters::TlsPolicy>());
  filters.push_back(std::make_unique<filters::SessionLimits>(settings.limits, ledger,
                                                             std::make_shared<filters::HeldSeat>()));
  if (snapshot.policy) filters.push_back(std::make_unique<filters::CommandRules>(snapshot.policy));
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
      upstream_(options.seed, options.faults),
      loaded_(std::make_shared<server::Plan>(make_published(options.seed, options.seed))),
      plan_(loaded_) {
  for (std::uint64_t other = 1; options.reloads && other <= 3; ++other)
    others_.push_back(make_published(options.seed, options.seed + other));
  cells_.listeners.emplace_back();
  cells_.upstreams.emplace_back();
  session::Environment environment;
  environment.settings = &settings();
  environment.offer = std::make_shared<session::Offer>(session::make_offer({}, settings()));
  environment.cells = &cells_;
  environment.facts.listener = "sim";
  environment.facts.tls = script_.starttls ? config::ListenerTls::Starttls : config::ListenerTls::Implicit;
  environment.facts.client_address = "192.0.2.1";
  environment.facts.trusted = script_.trusted;
  environment.version = "1";
  environment.tag_seed = options.seed;
  if (settings().audit.on()) environment.audit = &audit_;
  session_ = std::make_unique<session::Session>(std::move(environment),
                                                make_sim_chain(plan_->snapshot(), ledger_), now_);
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
    if (options_.slow && dice_.chance(20)) pause();
    if (options_.reloads) load_another_plan();
    // Rather in the middle of an upload than elsewhere.
    if (options_.drains && dice_.below(upstream_.is_in_body() ? 10 : 2000) == 0) drain();
    if (step()) {
      check_clocks();
      continue;
    }
    if (ended_ || client_.finished()) {
      check_uploads();
      break;
    }
    if (!advance_clock()) {
      violate("nothing can happen any more, and no deadline is set");
    }
  }
  check_clocks();
  check_denied();
}

// As a worker takes what is published: a session that is there keeps its plan.
void World::load_another_plan() {
  if (dialled_.empty()) ++tally_.reloads;
  const server::Published& next = others_[tally_.reloads % others_.size()];
  if (!loaded_->renew(next)) loaded_ = std::make_shared<server::Plan>(next);
}

void World::drain() {
  options_.drains = false;
  session_->event(session::Drain{}, now_);
  settle();
}

// Somebody is slow, but in time; where nobody has to do anything, for half a day. Then the upstream may have
// much to say at once, to a client that does not read at first.
void World::pause() {
  if (ended_) return;
  const auto deadline = session_->deadline();
  const Duration ahead(1 + static_cast<std::int64_t>(dice_.below(1000)));
  if (!deadline) {
    now_ += std::chrono::hours(12);
    if (dice_.chance(50) && upstream_.burst()) ++tally_.bursts;
    slow_reader_ = dice_.chance(50);
  } else if (!session_->logged_in()) {
    now_ = std::max(now_, *deadline - ahead);
  } else {
    if (upstream_.is_in_body()) ++tally_.slow_bodies;
    let_time_pass(kPeersTime - ahead);
  }
}

// By our own measure of who is in time, not the session's: each peer moves once, as far as it can. The
// gateway's own services are quick.
void World::let_time_pass(Duration time) {
  while (answer_waiting()) {
  }
  now_ += time;
  check_clocks();
  client_.act();
  deliver(Side::Client);
  drain_output(Side::Upstream);
  deliver(Side::Upstream);
  drain_output(Side::Client);
}

// Slow peers that are in time are served: none ends by a clock, and nothing is due before it could be done.
void World::check_clocks() {
  if (!options_.slow) return;
  if (!session_->fault().clock.empty())
    violate("cut by " + std::string(session_->fault().clock) + ", though everybody was in time");
  if (const auto deadline = session_->deadline(); deadline && *deadline <= now_)
    violate("a deadline that nobody could have kept");
}

// An upload that the upstream has accepted is completed for the client, too: else it would be sent again.
void World::check_uploads() {
  if (options_.faults) return;
  for (const std::string& tag : upstream_.accepted())
    if (client_.transcript().find("\r\n" + tag + " OK") == std::string::npos)
      violate("an upload that was accepted, but not completed: " + tag);
}

// One thing happens, drawn among those that can.
bool World::step() {
  if (answer_late()) return true;
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
  written();
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
  written();
  session_->keep();
}

void World::written() { session_->written({}, now_); }

void World::act(const session::Action& action) {
  struct Visitor {
    World& world;
    void operator()(const session::Connect& connect) const {
      world.upstream_connected_ = false;
      world.upstream_.output().clear();
      if (connect.next || (world.options_.faults && world.dice_.chance(10))) {
        world.waiting_.push_back(session::UpstreamFailed{ErrorCode::UpstreamDown});
      } else {
        if (!connect.next) world.route(connect.user);
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
    void operator()(const session::Ask& ask) const { world.be_asked(ask); }
    void operator()(const session::Forget& forget) const {
      if (world.records_.contains(forget.id)) world.audit_.forget(forget);
    }
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

// By the session's own plan, as a relay does it.
void World::route(const std::string& user) {
  const net::Candidates found = plan_->candidates(session_->facts(), session_->client_tls(), user);
  dialled_ = found.endpoints.empty() ? std::string() : found.endpoints.front().text;
  if (dialled_ != server_of(options_.seed)) violate("routed by another plan than judges it: " + dialled_);
}

// Answers come later; with faults also too late, never, and twice.
void World::be_asked(const session::Ask& ask) {
  if (const auto* record = std::get_if<asked::Record>(&ask.question)) {
    ++held_commands_;
    records_.insert(ask.id);
    if (settings().audit.on()) audit_.ask(ask.id, *record);
  }
  const session::Answered answer{ask.id, {!options_.faults || !dice_.chance(20), {}}};
  const std::uint64_t luck = options_.faults ? dice_.below(15) : 15;
  if (luck == 0) {
    ++tally_.never;
    return;
  }
  if (luck == 1) {
    ++tally_.late;
    return late_.push_back({answer, now_ + asked::terms_of(ask.question).within});
  }
  waiting_.push_back(answer);
  if (luck != 2) return;
  ++tally_.twice;
  twice_.insert(ask.id);
}

// With what it grants. Whether the session takes it is seen from what it holds afterwards.
void World::answer(session::Answered answered) {
  if (twice_.erase(answered.id) > 0) late_.push_back({{answered.id, {answered.answer.granted, {}}}, now_});
  const bool granted = answered.answer.granted;
  if (!records_.contains(answered.id)) {
    if (granted) answered.answer.seat = ledger_.seat_user("");
  } else {
    if (granted && answered_.insert(answered.id).second) ++durable_;
    audit_.answer(answered.id, granted);
  }
  session_->event(answered, now_);
}

// One that nobody waits for any more, and most often while another one is waited for, which it must not
// answer.
bool World::answer_late() {
  const auto found = std::find_if(late_.begin(), late_.end(), [this](const auto& l) { return l.at <= now_; });
  const bool asks = std::any_of(waiting_.begin(), waiting_.end(), [](const session::Event& event) {
    return std::holds_alternative<session::Answered>(event);
  });
  if (found == late_.end() || !dice_.chance(asks ? 80 : 5)) return false;
  session::Answered stale = std::move(found->answer);
  late_.erase(found);
  answered_.insert(stale.id);  // counts for nothing
  if (asks) ++tally_.crossed;
  const auto shown = [this] {
    return std::tuple(session_->output(Side::Client).size(), session_->output(Side::Upstream).size(),
                      session_->deadline(), session_->logged_in(), session_->closing());
  };
  const bool quiet = !session_->has_work();
  const auto before = shown();
  answer(std::move(stale));
  if (quiet && shown() != before) violate("an answer to a question that nobody asks any more did something");
  settle();
  return true;
}

// A session has one seat at the most, and only if it was logged in: whatever else was granted is given back.
void World::check_seats() {
  std::uint64_t seats = 0;
  for (const auto& [name, user] : ledger_.users) seats += user.sessions;
  if (seats > 1) violate("more than one seat is held");
  if (seats > 0 && session_->user().empty() && !ended_ && !session_->logged_in())
    violate("a seat of nobody's");
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
  if (auto* answered = std::get_if<session::Answered>(&event)) {
    answer(std::move(*answered));
    settle();
    return true;
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
  check_seats();
  for (const std::string& what : client_.violations()) violate("client: " + what);
  for (const std::string& what : upstream_.violations()) violate("upstream: " + what);
  for (const Side side : {Side::Client, Side::Upstream}) {
    if (session_->buffered(side) > settings().limits.buffer + 2 * 64 * 1024)
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
  if (settings().audit.on()) {
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
    if (!settings().rules.empty() && destroys(command)) violate("forbidden by the rules: " + command);
  }
}

}  // namespace postern::sim
