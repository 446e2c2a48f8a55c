// A Session between any client and any upstream, with any events between (session_script.h). Held to:
//  - the upstream receives nothing that a naive reader would not take for one well-formed command after the
//    other, literals only behind its "+", and no denied command;
//  - the client never sees a credential;
//  - no queue grows past its cap, and the session always comes to rest;
//  - while it is open something can still happen; when it is closed nothing does;
//  - what comes out does not depend on the pieces in which the input came, nor on when memory goes.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/settings.h"
#include "filters/chain.h"
#include "fuzz/session_reference.h"
#include "fuzz/session_script.h"
#include "session/session.h"
#include "spec/audit_double.h"
#include "telemetry/cells.h"

namespace {

using namespace postern;
using namespace postern::fuzz;

constexpr const char* kCanary = "c4nary-of-the-fuzzer";
constexpr std::size_t kOneRead = 64 * 1024;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz_session: %s\n", what);
  std::abort();
}

class Policy final : public filters::Filter {
 public:
  Policy(bool holds_append, bool denies_delete) : holds_(holds_append), denies_(denies_delete) {}
  filters::Decision on_command(imap::Command& command, const filters::Context& context) override {
    if (!context.logged_in) return filters::Decision::pass();
    const bool is_part = command.tag.empty();
    if (denies_ && (is_part ? command.text.find("\\Deleted") != Octets::npos
                            : command.verb == imap::Verb::Delete || command.verb == imap::Verb::Expunge))
      return filters::Decision::deny(ErrorCode::NoPermission, "NOPERM");
    if (holds_ && (is_part || command.verb == imap::Verb::Append || command.verb == imap::Verb::Expunge))
      return filters::Decision::wait();
    return filters::Decision::pass();
  }

 private:
  bool holds_;
  bool denies_;
};

// Rules that make the gateway ask the upstream itself, and change commands on their way.
void add_rules(config::Settings& settings) {
  config::Rule archive;
  archive.name = "archive";
  archive.action = config::RuleAction::ReadOnly;
  archive.when.mailboxes = {{"Archive", false, {}}, {"Archive/**", false, {}}};
  config::Rule all;
  all.name = "all";
  all.action = config::RuleAction::Organise;
  settings.rules = {std::move(archive), std::move(all)};
}

class Run {
 public:
  Run(unsigned setting, std::size_t piece);
  void play(std::string_view script);
  const std::string& client_saw() const { return client_saw_; }
  const std::vector<std::string>& upstreams_saw() const { return upstreams_saw_; }
  // Whether the same has to come out however the input is cut: not where time passes between a chunk's
  // halves, and not where cutting is what matters (octets behind STARTTLS).
  bool comparable() const {
    // Where one side breaks the protocol, what the other had said may have been served before, or not.
    return comparable_ && (!closed_ || session_->fault().code == ErrorCode::Logout);
  }

 private:
  struct Waiting {
    std::string octets;
    bool end = false;
    bool truncated = false;
  };
  static std::size_t at(Side side) { return static_cast<std::size_t>(side); }

  void step(const Record& record);
  void event(const session::Event& event);
  void send(Side side, std::string octets);
  void wait(unsigned seconds);
  void settle();
  bool feed(Side side);
  void note(const session::Action& action);
  void write(Side side);
  void look_for_canary() const;
  void check() const;

  config::Settings settings_;
  telemetry::WorkerCells cells_;
  testing::AuditDouble audit_;
  std::unique_ptr<session::Session> session_;
  UpstreamReference reference_;
  std::size_t piece_;
  bool memory_goes_;
  bool trusted_;
  Instant now_{std::chrono::seconds(1)};
  std::deque<Waiting> waiting_[2];
  std::deque<std::vector<char>> memory_;
  std::string client_saw_;
  std::vector<std::string> upstreams_saw_{1};  // each connection for itself
  std::uint64_t question_ = 0;
  bool upstream_ = false;
  bool dialling_ = false;
  bool tls_due_[2] = {false, false};
  bool client_is_deaf_ = false;
  bool awaits_penalty_ = false;
  bool closed_ = false;
  bool comparable_ = true;
  bool fell_behind_ = false;
};

Run::Run(unsigned setting, std::size_t piece)
    : reference_((setting & kDeniesDelete) != 0),
      piece_(piece),
      memory_goes_((setting & kMemoryGoes) != 0),
      trusted_((setting & kTrusted) != 0) {
  const bool audits = (setting & kAuditsInClear) == kAuditsInClear;
  if ((setting & kSmallLimits) != 0) {
    settings_.limits.line = settings_.limits.sasl = 400;
    settings_.limits.literal = 100;
    settings_.limits.buffer = 2000;
  }
  if ((setting & kOwnId) != 0 && !audits) settings_.rewrite.id = config::IdPolicy::Own;
  const bool has_rules = (setting & kListenerMask) == kRulesInClear && !audits;
  if (has_rules) add_rules(settings_);
  if (audits) {
    settings_.audit.file = "audit.log";
    settings_.audit.events = config::audited::kAll;
  }
  cells_.listeners.resize(1);
  session::Environment environment;
  environment.settings = &settings_;
  environment.offer = std::make_shared<const session::Offer>(session::make_offer({}, settings_));
  environment.cells = &cells_;
  const unsigned listener = setting & kListenerMask;
  environment.facts.tls = listener == 0   ? config::ListenerTls::Implicit
                          : listener == 1 ? config::ListenerTls::Starttls
                                          : config::ListenerTls::Off;
  environment.facts.client_address = "192.0.2.1";
  environment.facts.trusted = (setting & kTrusted) != 0;
  environment.version = "1";
  environment.tag_seed = 7;
  if (audits) environment.audit = &audit_;
  tls_due_[at(Side::Client)] = listener == 0;
  const auto policy = has_rules ? std::make_shared<const filters::Policy>(settings_) : nullptr;
  std::vector<std::unique_ptr<filters::Filter>> filters =
      filters::make_filters({&settings_, policy, nullptr});
  filters.push_back(std::make_unique<Policy>((setting & kHoldsAppend) != 0, (setting & kDeniesDelete) != 0));
  session_ =
      std::make_unique<session::Session>(std::move(environment), filters::Chain(std::move(filters)), now_);
  settle();
}

void Run::play(std::string_view script) {
  while (!closed_) {
    const Record record = next_record(script);
    if (record.what == 0) break;
    step(record);
  }
}

void Run::step(const Record& record) {
  const Side side = (record.number & 1) != 0 ? Side::Upstream : Side::Client;
  const bool flag = (record.number & 2) != 0;
  switch (record.what) {
    case 'C':
      return send(Side::Client, std::string(record.octets));
    case 'U':
      if (upstream_) send(Side::Upstream, std::string(record.octets));
      return;
    case 'w':
      return wait(record.number);
    case 'c': {
      if (!std::exchange(dialling_, false)) return;
      upstream_ = true;
      upstreams_saw_.emplace_back();
      reference_.connect();
      const auto tls = static_cast<config::UpstreamTls>((record.number & ~kSendId) % 3);
      if (tls != config::UpstreamTls::Off) comparable_ = false;
      return event(session::UpstreamConnected{tls, (record.number & kSendId) != 0});
    }
    case 'f':
      if (!std::exchange(dialling_, false)) return;
      return event(session::UpstreamFailed{record.number == 1 ? ErrorCode::LoginThrottled
                                                              : ErrorCode::UpstreamRefused});
    case 't': {
      if (!std::exchange(tls_due_[at(side)], false)) return;
      TlsFacts facts;
      facts.secure = true;
      if (side == Side::Upstream) reference_.connect();
      return event(session::TlsReady{side, facts});
    }
    case 'e':
      if (side == Side::Upstream && !upstream_) return;
      if (side == Side::Client) comparable_ = false;  // whatever comes behind the last answer is lost
      waiting_[at(side)].push_back({{}, true, flag});
      return settle();
    case 'x':
      if (side == Side::Upstream && !upstream_) return;
      return event(
          session::Failed{side, side == Side::Client ? ErrorCode::ClientReset : ErrorCode::UpstreamReset});
    case 'r':
      audit_.answer(question_, (record.number & 1) != 0);
      return event(session::Answered{question_, {(record.number & 1) != 0, {}}});
    case 'p':
      if (!std::exchange(awaits_penalty_, false)) return;
      return event(session::Penalty{std::chrono::seconds(record.number)});
    case 'd':
      return event(session::Drain{});
    case 'b':
      client_is_deaf_ = !client_is_deaf_;
      comparable_ = false;
      return settle();
    default:
      return;
  }
}

void Run::event(const session::Event& event) {
  session_->event(event, now_);
  settle();
}

void Run::send(Side side, std::string octets) {
  std::string out;
  const std::string& seen = upstreams_saw_.back();
  const std::size_t last = seen.rfind("\r\nP");
  const std::size_t from = last == std::string::npos ? 0 : last + 2;
  const std::string own_tag = seen.substr(from, seen.find(' ', from) - from);
  for (const char c : octets) {
    if (side == Side::Client && c == kCanaryMark) {
      out += kCanary;
    } else if (side == Side::Upstream && c == kOwnTag) {
      out += own_tag;
    } else {
      out += c;
    }
  }
  // A client that answers before it is asked: whether it is heard before the verdict comes is chance.
  if (side == Side::Upstream && !session_->logged_in() && !session_->wants_read(Side::Client))
    comparable_ = false;
  if (!out.empty()) waiting_[at(side)].push_back({std::move(out), false, false});
  settle();
}

void Run::wait(unsigned seconds) {
  comparable_ = false;
  const Instant until = now_ + std::chrono::seconds(seconds);
  for (int i = 0; i < 100 && !closed_; ++i) {
    const auto deadline = session_->deadline();
    if (!deadline || *deadline > until) break;
    now_ = std::max(now_, *deadline);
    session_->tick(now_);
    settle();
    require(closed_ || session_->deadline() != deadline, "a deadline without any effect: it would spin");
  }
  now_ = until;
}

void Run::settle() {
  for (int turn = 0;; ++turn) {
    require(turn < 1000000, "it never comes to rest");
    while (auto action = session_->next_action()) {
      require(!closed_, "an action behind close");
      note(*action);
    }
    require(closed_ == session_->closing(), "closing without having said so");
    if (memory_goes_) {
      session_->keep();
      for (auto& memory : memory_) std::fill(memory.begin(), memory.end(), '#');
      memory_.clear();
    }
    write(Side::Client);
    write(Side::Upstream);
    session_->written({}, now_);
    if (!session_->output(Side::Client).empty()) fell_behind_ = true;
    if (memory_goes_ || fell_behind_) session_->keep();
    look_for_canary();
    check();
    if (closed_) return;
    if (feed(Side::Client) || feed(Side::Upstream)) continue;
    if (!session_->has_work()) return;
    session_->resume(now_);
  }
}

bool Run::feed(Side side) {
  auto& waiting = waiting_[at(side)];
  if (waiting.empty()) return false;
  if (waiting.front().end) {
    const session::EndOfFile end{side, waiting.front().truncated};
    waiting.pop_front();
    session_->event(end, now_);
    return true;
  }
  if (!session_->wants_read(side)) return false;
  std::string& octets = waiting.front().octets;
  const std::size_t size = std::min({octets.size(), piece_, kOneRead});
  memory_.emplace_back(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
  octets.erase(0, size);
  if (octets.empty()) waiting.pop_front();
  const Octets plain{memory_.back().data(), memory_.back().size()};
  if (side == Side::Upstream) reference_.said(plain);
  session_->input(side, plain, now_);
  return true;
}

void Run::note(const session::Action& action) {
  if (std::holds_alternative<session::Connect>(action) ||
      std::holds_alternative<session::Disconnect>(action)) {
    upstream_ = false;
    waiting_[at(Side::Upstream)].clear();
    reference_.connect();
    dialling_ = std::holds_alternative<session::Connect>(action);
    tls_due_[at(Side::Upstream)] = false;
  }
  if (const auto* start = std::get_if<session::StartTls>(&action)) {
    write(start->side);
    tls_due_[at(start->side)] = true;
    comparable_ = false;
  }
  if (std::holds_alternative<session::ClientKnown>(action)) require(trusted_, "an ID was believed");
  if (const auto* ask = std::get_if<session::Ask>(&action)) {
    question_ = ask->id;
    if (settings_.audit.on()) audit_.ask(ask->id, std::get<asked::Record>(ask->question));
  }
  if (const auto* forget = std::get_if<session::Forget>(&action)) audit_.forget(*forget);
  if (const auto* recorded = std::get_if<session::Recorded>(&action)) audit_.recorded(*recorded);
  if (const auto* result = std::get_if<session::LoginResult>(&action))
    awaits_penalty_ = result->result == telemetry::AuthResult::Failure;
  if (!std::holds_alternative<session::Close>(action)) return;
  closed_ = true;
  audit_.ended();
}

void Run::write(Side side) {
  session::Pieces& output = session_->output(side);
  if (side == Side::Client && client_is_deaf_) return;
  while (!output.empty()) {
    const Octets front = output.front();
    require(!front.empty(), "output without octets");
    (side == Side::Client ? client_saw_ : upstreams_saw_.back()).append(front);
    if (side == Side::Upstream)
      require(reference_.receive(front), "the upstream received what is no well-formed command");
    output.drop(front.size());
  }
}

// A client that takes a credential for its tag gets it echoed; nobody else does.
void Run::look_for_canary() const {
  for (std::size_t found = client_saw_.find(kCanary); found != std::string::npos;
       found = client_saw_.find(kCanary, found + 1)) {
    const std::size_t line = client_saw_.rfind('\n', found);
    const std::size_t begin = line == std::string::npos ? 0 : line + 1;
    require(client_saw_.substr(begin, found - begin).find(' ') == std::string::npos,
            "the client sees a credential");
  }
  require(
      session_->logged_in() || session_->fault().side == Side::Upstream || session_->fault().excerpt.empty(),
      "an excerpt from before login");
  require(session_->upstream_state().find(kCanary) == std::string::npos, "a credential in the state");
}

void Run::check() const {
  require(audit_.problem().empty(), audit_.problem().c_str());
  const config::Limits& limits = settings_.limits;
  for (const Side side : {Side::Client, Side::Upstream})
    require(session_->buffered(side) <= limits.buffer + 2 * kOneRead + 2 * limits.line,
            "a queue over its cap");
  const bool reads = session_->wants_read(Side::Client) || session_->wants_read(Side::Upstream);
  if (closed_) return require(!reads && !session_->has_work(), "closed, but it goes on");
  require(reads || session_->has_work() || session_->deadline() || awaits_penalty_,
          "nothing can happen any more");
}

// What was said to a connection that is given up in the same moment may be dropped.
bool is_beginning(std::string_view a, std::string_view b) { return a.starts_with(b) || b.starts_with(a); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 32 * 1024) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.find("c4nary") != std::string_view::npos) return 0;  // only the mark stands for it
  const unsigned setting = static_cast<unsigned char>(input.front());
  Run whole(setting, kOneRead);
  whole.play(input.substr(1));
  Run octets(setting ^ kMemoryGoes, 1);
  octets.play(input.substr(1));
  if (!whole.comparable() || !octets.comparable()) return 0;
  require(whole.client_saw() == octets.client_saw(), "the client sees what depends on the pieces");
  require(whole.upstreams_saw().size() == octets.upstreams_saw().size(),
          "another number of upstreams is dialled");
  for (std::size_t i = 0; i < whole.upstreams_saw().size(); ++i)
    require(is_beginning(whole.upstreams_saw()[i], octets.upstreams_saw()[i]),
            "the upstream sees what depends on the pieces");
  return 0;
}
