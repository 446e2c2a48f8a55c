#include "spec/stage.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "spec/dialogue.h"

namespace postern::spec {
namespace {

constexpr std::size_t kOneRead = 64 * 1024;
constexpr int kTurnsMax = 100000;

std::string label(ErrorCode code) { return std::string(label_of(code)); }

std::shared_ptr<const session::Offer> offer_of(const Setting& setting) {
  std::vector<imap::CapabilityList> candidates;
  std::string rest = setting.probed.value_or("");
  while (setting.probed) {
    const std::size_t end = std::min(rest.find('|'), rest.size());
    candidates.push_back(imap::parse_capabilities(rest.substr(0, end)));
    if (end == rest.size()) break;
    rest.erase(0, end + 1);
  }
  return std::make_shared<const session::Offer>(
      session::make_offer(candidates, setting.settings, !setting.master.user.empty()));
}

// The product's own filters, and behind them those that stand in for what it has not.
filters::Chain chain_of(const Setting& setting, Ledger& ledger, FilterCounts& counts) {
  const config::Settings& settings = setting.settings;
  const auto policy = settings.rules.empty() ? nullptr : std::make_shared<const filters::Policy>(settings);
  std::vector<std::unique_ptr<filters::Filter>> filters = filters::make_filters({&settings, policy, &ledger});
  filters.push_back(std::make_unique<Denier>(setting.denied, setting.closed, setting.denied_text));
  filters.push_back(std::make_unique<MailboxDenier>(setting.denied_mailboxes));
  filters.push_back(std::make_unique<UserDenier>(setting.denied_users, setting.closed_users));
  filters.push_back(std::make_unique<Recorder>(setting.held, setting.hold_parts));
  filters.push_back(std::make_unique<Witness>(counts));
  return filters::Chain(std::move(filters));
}

std::string name_of(telemetry::AuthResult result) {
  switch (result) {
    case telemetry::AuthResult::Success:
      return "success";
    case telemetry::AuthResult::Failure:
      return "failure";
    case telemetry::AuthResult::Temporary:
      return "temporary";
    case telemetry::AuthResult::Denied:
    case telemetry::AuthResult::kCount:
      break;
  }
  return "denied";
}

}  // namespace

std::string Way::text() const {
  std::string out = piece > 0   ? "in pieces of " + std::to_string(piece)
                    : split > 0 ? "split behind " + std::to_string(split)
                                : "whole";
  if (memory == Memory::Stays) out += ", memory stays";
  if (memory == Memory::GoesAfterWriting) out += ", memory goes after writing";
  if (memory == Memory::GoesBeforeWriting) out += ", memory goes before writing";
  return out;
}

Stage::Stage(const Setting& setting, const Way& way)
    : setting_(setting), way_(way), ledger_(setting.settings.limits) {
  for (const std::string& user : setting_.seated) seats_.push_back(ledger_.seat_user(user));
  cells_.listeners.resize(1);
  session::Environment environment;
  environment.settings = &setting_.settings;
  environment.offer = offer_of(setting_);
  std::vector<filters::UserRewrite::Fault> faults;
  environment.user_rewrite = filters::UserRewrite::make(setting_.settings.rewrite.user, faults);
  for (const auto& fault : faults) problem(fault.message);
  environment.cells = &cells_;
  environment.facts.listener = "dialogue";
  environment.facts.tls = setting_.listener;
  environment.facts.client_address = "192.0.2.1";
  environment.facts.client_port = 50001;
  environment.facts.connected_address = "198.51.100.1";
  environment.facts.connected_port = 993;
  environment.facts.session_id = "s1";
  environment.facts.trusted = setting_.trusted;
  environment.version = "1.2.3";
  environment.tag_seed = 0x5EED;
  audit_.has_room = setting_.audit_has_room;
  audit_.is_writable = setting_.audit_is_writable;
  if (setting_.settings.audit.on()) environment.audit = &audit_;
  session_.emplace(std::move(environment), chain_of(setting_, ledger_, counts_), now_);
  settle();
}

Stage::~Stage() = default;

void Stage::send(Side side, const std::string& chunk) {
  if (side == Side::Upstream && !upstream_present_) problem("there is no upstream that could say this");
  const std::size_t cut = way_.split > 0 ? std::min(way_.split, chunk.size()) : chunk.size();
  for (const std::string& part : {chunk.substr(0, cut), chunk.substr(cut)})
    if (!part.empty()) waiting_[index(side)].push_back({part, false, false});
  settle();
}

void Stage::end_of_file(Side side, bool truncated) {
  waiting_[index(side)].push_back({{}, true, truncated});
  settle();
}

void Stage::happen(const session::Event& event) {
  if (std::holds_alternative<session::UpstreamConnected>(event)) upstream_present_ = true;
  if (std::holds_alternative<session::Penalty>(event)) awaits_penalty_ = false;
  session_->event(event, now_);
  settle();
}

void Stage::takes(Side side, std::size_t octets) {
  session::Pieces& output = session_->output(side);
  while (octets > 0 && !output.empty()) {
    const Octets front = output.front().substr(0, octets);
    seen_[index(side)].append(front);
    octets -= front.size();
    output.drop(front.size());
  }
  settle();
}

void Stage::holds(const session::Backlog& backlog) {
  backlog_ = backlog;
  settle();
}

void Stage::stops_reading(Side side, bool stops) {
  deaf_[index(side)] = stops;
  settle();
}

// Ticks at every deadline that passes, and just before it, when nothing may happen yet.
void Stage::wait(Duration time) {
  const Instant until = now_ + time;
  for (int i = 0; i < 100 && !closed_; ++i) {
    const auto deadline = session_->deadline();
    if (!deadline || *deadline > until) break;
    if (const Instant before = *deadline - Duration(1); before > now_) {
      const std::size_t said = seen_[0].size() + seen_[1].size() + asked_.size();
      session_->tick(now_ = before);
      settle();
      if (seen_[0].size() + seen_[1].size() + asked_.size() != said)
        problem("something happened before the deadline");
    }
    session_->tick(now_ = std::max(now_, *deadline));
    settle();
    if (!closed_ && session_->deadline() == deadline) {
      problem("a deadline passed without any effect");
      break;
    }
  }
  if (closed_) return;
  session_->tick(now_ = until);
  settle();
}

std::optional<Duration> Stage::time_left() const {
  const auto deadline = session_->deadline();
  return deadline ? std::optional<Duration>(*deadline - now_) : std::nullopt;
}

std::uint64_t Stage::sessions_in(telemetry::SessionState state) const {
  return cells_.listeners[0].sessions[telemetry::index_of(state)].load();
}

std::uint64_t Stage::commands(imap::Verb verb, telemetry::CommandResult result) const {
  return cells_.commands[static_cast<std::size_t>(verb)][telemetry::index_of(result)].load();
}

// As a Relay pumps: what the session asks for, what it has to say, then the next octets that it wants.
void Stage::settle() {
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    carry_out();
    if (way_.memory == Way::Memory::GoesBeforeWriting) {
      session_->keep();
      release_memory();
    }
    write(Side::Client);
    write(Side::Upstream);
    session_->written(backlog_, now_);
    if (!session_->output(Side::Client).empty() || !session_->output(Side::Upstream).empty())
      fell_behind_ = true;
    if (way_.memory != Way::Memory::Stays || fell_behind_) session_->keep();
    if (way_.memory != Way::Memory::Stays) release_memory();
    check();
    if (closed_) return;
    if (feed()) continue;
    if (!session_->has_work()) return;
    session_->resume(now_);
  }
  problem("it never comes to rest");
}

bool Stage::feed() { return feed(Side::Client) || feed(Side::Upstream); }

bool Stage::feed(Side side) {
  auto& waiting = waiting_[index(side)];
  if (waiting.empty()) return false;
  if (waiting.front().end_of_file) {
    const bool truncated = waiting.front().truncated;
    waiting.pop_front();
    session_->event(session::EndOfFile{side, truncated}, now_);
    return true;
  }
  if (!session_->wants_read(side)) return false;
  std::string& octets = waiting.front().octets;
  // Of a long chunk the end goes piece by piece, which is where its cuts matter.
  const std::size_t piece = octets.size() > 4096 ? 997 : way_.piece;
  const std::size_t most = way_.piece == 0 ? kOneRead : piece;
  const std::size_t size = std::min(octets.size(), most);
  memory_.emplace_back(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
  octets.erase(0, size);
  if (octets.empty()) waiting.pop_front();
  largest_input_[index(side)] = std::max(largest_input_[index(side)], size);
  const std::vector<char>& memory = memory_.back();
  session_->input(side, {memory.data(), memory.size()}, now_);
  return true;
}

void Stage::release_memory() {
  for (auto& memory : memory_) std::fill(memory.begin(), memory.end(), '#');
  memory_.clear();
}

void Stage::carry_out() {
  while (const auto action = session_->next_action()) {
    if (closed_) problem("an action behind close");
    if (answered_at_once(*action)) continue;
    note(*action);
  }
  if (session_->closing() && !closed_) problem("it is closing, but did not say so");
}

// Seats are given as the product gives them, where a dialogue is not about that.
bool Stage::answered_at_once(const session::Action& action) {
  const auto* ask = std::get_if<session::Ask>(&action);
  const auto* seat = ask == nullptr ? nullptr : std::get_if<asked::Seat>(&ask->question);
  if (seat == nullptr || setting_.asks_seat) return false;
  std::shared_ptr<UserSeat> found = ledger_.seat_user(seat->user);
  session_->event(session::Answered{ask->id, {found != nullptr, found}}, now_);
  return true;
}

void Stage::answer(bool granted, std::uint64_t id) {
  session::Answered answered{id, {granted, {}}};
  if (id == asked_record_) {
    audit_.answer(id, granted);
  } else if (granted) {
    answered.answer.seat = ledger_.seat_user("alice");
  }
  happen(answered);
}

void Stage::note(const session::Action& action) {
  struct Visitor {
    Stage& self;
    std::string operator()(const session::Connect& a) const {
      self.waiting_[index(Side::Upstream)].clear();
      self.upstream_present_ = false;
      if (!a.next) return "connect user=" + a.user;
      return "connect-next user=" + a.user + " failed=" + label(a.failed);
    }
    std::string operator()(const session::ClientKnown& a) const {
      const filters::SessionFacts& facts = a.facts;
      return "client-known client=" + facts.client_address + ":" + std::to_string(facts.client_port) +
             " connected=" + facts.connected_address + ":" + std::to_string(facts.connected_port) +
             " name=" + facts.connected_name + " session=" + facts.external_id;
    }
    std::string operator()(const session::StartTls& a) const {
      self.write(a.side);
      return std::string("starttls ") + postern::name_of(a.side);
    }
    std::string operator()(const session::Ask& a) const {
      self.question_ = a.id;
      if (const auto* seat = std::get_if<asked::Seat>(&a.question)) return "ask seat user=" + seat->user;
      const auto& record = std::get<asked::Record>(a.question);
      self.asked_record_ = a.id;
      if (self.setting_.settings.audit.on()) self.audit_.ask(a.id, record);
      if (record.intent) return "hold " + testing::text_of(*record.intent);
      return record.outcome ? "hold ring-full" : "hold";
    }
    std::string operator()(const session::Forget& a) const {
      if (a.id != self.asked_record_) return "forget";
      self.audit_.forget(a);
      return "unhold" + (a.instead ? " " + testing::text_of(*a.instead) : std::string());
    }
    std::string operator()(const session::Recorded& a) const {
      self.audit_.recorded(a);
      return "record " + testing::text_of(*a.record);
    }
    std::string operator()(const session::PolicyDecision& a) const {
      const auto index = [](std::int32_t rule) { return rule < 0 ? "none" : std::to_string(rule); };
      const char* what = a.ruling == filters::Ruling::Deny      ? "deny"
                         : a.ruling == filters::Ruling::Close   ? "disconnect"
                         : a.ruling == filters::Ruling::Rewrite ? "rewrite"
                                                                : "pass";
      return std::string("policy ") + what + " rule=" + index(a.rules.decided) +
             " observed=" + index(a.rules.observed) + " " + (a.uid ? "UID " : "") +
             std::string(imap::name_of(a.verb)) + " mailbox=" + a.mailbox;
    }
    std::string operator()(const session::LoginResult& a) const {
      self.awaits_penalty_ = a.result == telemetry::AuthResult::Failure;
      return "login-result " + name_of(a.result) + " user=" + a.user +
             " mechanism=" + std::string(imap::row_of(a.mechanism).label) + " code=" + label(a.code);
    }
    std::string operator()(const session::Disconnect&) const {
      self.waiting_[index(Side::Upstream)].clear();
      self.upstream_present_ = false;
      return "disconnect";
    }
    std::string operator()(const session::Close& a) const {
      self.closed_ = true;
      self.audit_.ended();
      return "close " + label(a.reason) + (a.clean ? " clean" : " cut");
    }
  };
  // What the filters that stand in for policy decide is seen by what comes of it.
  const auto* policy = std::get_if<session::PolicyDecision>(&action);
  const bool by_a_stand_in =
      policy != nullptr && policy->rules.decided < 0 && policy->rules.observed < 0 &&
      (policy->code == ErrorCode::NoPermission || policy->code == ErrorCode::PolicyClose);
  if (!by_a_stand_in) asked_.push_back(std::visit(Visitor{*this}, action));
}

void Stage::write(Side side) {
  if (deaf_[index(side)]) return;
  session::Pieces& output = session_->output(side);
  while (!output.empty()) {
    std::array<iovec, 3> ranges;
    const std::size_t count = output.gather(ranges.data(), ranges.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      seen_[index(side)].append(static_cast<const char*>(ranges[i].iov_base), ranges[i].iov_len);
      size += ranges[i].iov_len;
    }
    if (size == 0) return problem("output without octets");
    // A kernel takes what it likes: here all but the last octet, then that.
    if (size > 1) {
      output.drop(size - 1);
      seen_[index(side)].pop_back();
      if (output.empty()) return problem("the output has lost octets");
    } else {
      output.drop(1);
    }
  }
  if (side == Side::Client) look_for_secrets(seen_[index(side)]);
}

void Stage::look_for_secrets(const std::string& octets) {
  for (const char* password : {kPassword, kMasterPassword})
    if (octets.find(password) != std::string::npos) problem("a password can be seen: " + printable(octets));
}

// What holds of every session at any time.
void Stage::check() {
  const session::Session& session = *session_;
  if (!audit_.problem().empty()) problem(audit_.problem());
  look_for_secrets(session.fault().excerpt);
  look_for_secrets(session.upstream_state());
  look_for_secrets(session.user());
  if (session.may_hold_secrets() == session.logged_in()) problem("logged in, and may hold secrets");
  for (const Side side : {Side::Client, Side::Upstream}) {
    const std::size_t cap =
        setting_.settings.limits.buffer + 2 * kOneRead + 2 * setting_.settings.limits.line;
    if (session.buffered(side) > cap) problem("more is buffered than the cap allows");
  }
  if (closed_) {
    if (session.wants_read(Side::Client) || session.wants_read(Side::Upstream) || session.has_work())
      problem("it is closed, but goes on");
    return;
  }
  const bool can_go_on = session.wants_read(Side::Client) || session.wants_read(Side::Upstream) ||
                         session.has_work() || session.deadline().has_value() || awaits_penalty_;
  if (!can_go_on) problem("nothing can happen any more");
  if (session.wants_read(Side::Upstream) && !upstream_present_) problem("it reads from no upstream");
}

void Stage::problem(const std::string& text) {
  if (problems_.size() < 10) problems_.push_back(text);
}

}  // namespace postern::spec
