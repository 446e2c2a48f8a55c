#include "server/worker.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <future>
#include <utility>

#include "config/match.h"
#include "net/proxy_header.h"
#include "server/balance.h"
#include "server/metrics.h"
#include "server/version.h"

namespace postern::server {
namespace {

using telemetry::index_of;
using telemetry::ProxyError;
using telemetry::RejectReason;

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kComplaintEveryNs = 10'000 * kNsPerMs;

// May this address say whom it speaks for?
bool is_trusted(const config::Listener& listener, const std::string& address) {
  if (listener.trusted_proxies.empty()) return false;
  const std::optional<config::Address16> octets = config::parse_address(address);
  return octets && std::any_of(listener.trusted_proxies.begin(), listener.trusted_proxies.end(),
                               [&](const config::Cidr& each) { return config::contains(each, *octets); });
}

}  // namespace

Worker::Worker(WorkerSurroundings& around, std::size_t listeners, const CellSlots& slots) : around_(around) {
  cells_.listeners.resize(listeners);
  cells_.upstreams.resize(slots.upstreams.capacity());
  cells_.rules.resize(slots.rules.capacity());
  if (around_.audit != nullptr)
    audit_ =
        &around_.audit->add_producer([this](std::function<void()> told) { mailbox_.post(std::move(told)); });
}

Worker::~Worker() { join(); }

Result<void> Worker::start(std::vector<net::Socket> bound, Published published) {
  adopt(std::move(published));
  std::promise<Result<void>> opened;
  std::future<Result<void>> result = opened.get_future();
  thread_ = std::thread([this, &opened, sockets = std::move(bound)]() mutable {
    if (const int rc = uv_loop_init(&loop_); rc != 0)
      return opened.set_value(Error{ErrorCode::SystemCall, std::string("no event loop: ") + uv_strerror(rc)});
    Result<void> done = open(std::move(sockets));
    if (!done) close_handles();
    opened.set_value(std::move(done));
    uv_run(&loop_, UV_RUN_DEFAULT);  // until all handles are closed
    uv_loop_close(&loop_);
  });
  return result.get();
}

Result<void> Worker::open(std::vector<net::Socket> bound) {
  uv_idle_init(&loop_, &idle_);
  uv_prepare_init(&loop_, &prepare_);
  uv_check_init(&loop_, &check_);
  idle_.data = prepare_.data = check_.data = this;
  try {
    mailbox_.open(&loop_);
  } catch (const std::exception& error) {
    return Error{ErrorCode::SystemCall, error.what()};
  }
  watch_rounds();
  net::Acceptor& acceptor = *this;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    auto& listener = listeners_.emplace_back(std::make_unique<net::Listener>(acceptor, i));
    if (auto opened = listener->open(&loop_, std::move(bound[i])); !opened) return opened.error();
  }
  return {};
}

// Measures how long each round of the loop keeps the next event waiting, and ends each with the burials.
void Worker::watch_rounds() {
  checked_at_ns_ = uv_hrtime();
  // The loop's own clock is set when it wakes, in whole milliseconds: the whole milliseconds until check_
  // went into the sockets' callbacks (0 or 1 for a short round, right on the average). The rest of the round
  // is measured from check_ to prepare_.
  uv_check_start(&check_, [](uv_check_t* handle) {
    auto& self = *static_cast<Worker*>(handle->data);
    self.checked_at_ns_ = uv_hrtime();
    const std::uint64_t checked_at_ms = self.checked_at_ns_ / kNsPerMs;
    self.busy_ns_ = (checked_at_ms - std::min(checked_at_ms, uv_now(&self.loop_))) * kNsPerMs;
  });
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto& self = *static_cast<Worker*>(handle->data);
    if (!self.buried_.empty()) self.bury();
    const std::uint64_t busy_ns = self.busy_ns_ + uv_hrtime() - self.checked_at_ns_;
    self.cells_.loop_lag.observe(Duration(static_cast<Duration::rep>(busy_ns)));
  });
}

void Worker::publish(Published published, std::function<void()> adopted) {
  mailbox_.post([this, next = std::move(published), done = std::move(adopted)]() mutable {
    adopt(std::move(next));
    if (done) done();
  });
}

void Worker::adopt(Published published) {
  published_ = std::move(published);
  const std::vector<config::Upstream>& upstreams = published_.snapshot->settings.upstreams;
  tells_connected_address_ = std::any_of(upstreams.begin(), upstreams.end(), [](const auto& upstream) {
    return upstream.send_id || upstream.proxy_protocol != config::ProxyProtocol::Off;
  });
}

void Worker::look_at_gate() {
  mailbox_.post([this] { obey_gate(); });
}

void Worker::drain() {
  mailbox_.post([this] {
    draining_ = true;
    for (const auto& listener : listeners_) listener->close();
    forget_headers();
    for (const auto& [relay, owner] : relays_) relay->drain();
    finish_if_empty();
  });
}

void Worker::kill() {
  mailbox_.post([this] {
    for (const auto& [relay, owner] : relays_) relay->kill();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::accepted(std::size_t listener, net::Socket client, net::Peer peer) noexcept {
  telemetry::ListenerCells& cells = cells_.listeners[listener];
  cells.accepted.add();
  if (draining_) return cells.rejected[index_of(RejectReason::Draining)].add();
  const config::Listener& settings = published_.snapshot->settings.listeners[listener];
  if (settings.proxy_protocol && !is_trusted(settings, peer.address))
    return refuse_header(listener, peer, ProxyError::Untrusted, "the sender is not in trusted_proxies",
                         LogLevel::Info);
  if (!around_.gate.enter()) return cells.rejected[index_of(RejectReason::MaxConnections)].add();
  if (around_.gate.full()) obey_gate();
  if (settings.proxy_protocol) return await_header(listener, std::move(client), std::move(peer));
  begin(listener, std::move(client), std::move(peer), nullptr);
}

void Worker::await_header(std::size_t listener, net::Socket client, net::Peer peer) {
  net::ProxyHeaderUser& user = *this;
  auto reader = std::make_unique<net::ProxyHeaderReader>(user, listener, std::move(client), std::move(peer));
  const Duration limit = published_.snapshot->settings.limits.timeouts.handshake;
  if (const int rc = reader->start(&loop_, limit); rc != 0) {
    leave(1);
    return accept_failed(listener, -rc);  // libuv's errors are the kernel's, negated
  }
  cells_.listeners[listener].active.add();
  headers_.emplace(reader.get(), std::move(reader));
}

void Worker::header_read(net::ProxyHeaderReader& reader, const net::ProxyHeader& header) noexcept {
  const auto owner = std::move(headers_.extract(&reader).mapped());
  cells_.listeners[reader.listener()].active.sub();
  begin(reader.listener(), std::move(reader.client()), std::move(reader.peer()), &header);
}

// A balancer that only looks whether somebody listens is no fault, but is told apart from one that serves.
void Worker::header_refused(net::ProxyHeaderReader& reader, ProxyError error, std::string_view why,
                            bool is_empty) noexcept {
  const auto owner = std::move(headers_.extract(&reader).mapped());
  cells_.listeners[reader.listener()].active.sub();
  const bool is_probe = is_empty && error == ProxyError::Closed;
  refuse_header(reader.listener(), reader.peer(), error, why, is_probe ? LogLevel::Debug : LogLevel::Warning);
  leave(1);
}

void Worker::refuse_header(std::size_t listener, const net::Peer& peer, ProxyError error,
                           std::string_view why, LogLevel level) {
  telemetry::ListenerCells& cells = cells_.listeners[listener];
  cells.rejected[index_of(RejectReason::ProxyProtocol)].add();
  cells.proxy_errors[index_of(error)].add();
  log().log(level, "proxy header refused", "",
            {{"listener", published_.snapshot->settings.listeners[listener].name},
             {"peer", peer.address},
             {"reason", std::string(name_of(error))},
             {"fault", std::string(why)}});
}

// Nobody has been greeted on these connections yet, so nobody needs a BYE.
void Worker::forget_headers() {
  for (const auto& [reader, owner] : headers_) {
    cells_.listeners[reader->listener()].active.sub();
    cells_.listeners[reader->listener()].rejected[index_of(RejectReason::Draining)].add();
    around_.gate.leave();
  }
  headers_.clear();
}

void Worker::begin(std::size_t listener, net::Socket client, net::Peer peer, const net::ProxyHeader* header) {
  net::Peer connected;
  std::string proxy;
  if (header != nullptr && header->has_addresses) {
    proxy = std::exchange(peer, header->source).address;
    connected = header->destination;
  } else if (tells_connected_address_) {
    connected = net::local_end_of(client.fd());
  }
  net::RelayOptions options = options_for(listener, std::move(peer), std::move(connected));
  options.proxy = std::move(proxy);
  if (!options.facts.trusted) {
    options.seat = around_.ledger.seat_client(options.facts.client_address);
    if (!options.seat) return refuse_client(listener, client, options.facts.client_address);
  }
  auto relay = std::make_unique<net::Relay>(*this, std::move(options));
  net::Relay& started = *relay;
  relays_.emplace(&started, std::move(relay));
  started.start(std::move(client));
}

void Worker::accept_failed(std::size_t listener, int error) noexcept {
  cells_.listeners[listener].rejected[index_of(RejectReason::Overload)].add();
  if (!may_complain(complained_at_ns_)) return;
  log().log(LogLevel::Error, "cannot accept", "",
            {{"listener", published_.snapshot->settings.listeners[listener].name},
             {"reason", std::strerror(error)}});
}

// One line tells of many.
bool Worker::may_complain(std::uint64_t& last_ns) noexcept {
  const std::uint64_t now = uv_hrtime();
  if (last_ns != 0 && now - last_ns < kComplaintEveryNs) return false;
  last_ns = now;
  return true;
}

// Costs neither a session nor a handshake; whoever expects TLS cannot be told why.
void Worker::refuse_client(std::size_t listener, const net::Socket& client, const std::string& address) {
  const config::Listener& settings = published_.snapshot->settings.listeners[listener];
  const ErrorRow& row = row_of(ErrorCode::TooManyClientSessions);
  cells_.listeners[listener].rejected[index_of(RejectReason::ClientLimit)].add();
  if (settings.tls != config::ListenerTls::Implicit) {
    const std::string bye = "* BYE [LIMIT] " + std::string(row.client) + "\r\n";
    static_cast<void>(::send(client.fd(), bye.data(), bye.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  if (may_complain(complained_of_client_ns_))
    log().log(row.level, "client refused", "",
              {{"listener", settings.name}, {"client", address}, {"reason", std::string(row.label)}});
  leave(1);
}

net::RelayOptions Worker::options_for(std::size_t listener, net::Peer client, net::Peer connected) {
  const std::shared_ptr<const Snapshot>& snapshot = published_.snapshot;
  const config::Listener& settings = snapshot->settings.listeners[listener];
  net::RelayOptions options;
  options.settings = {snapshot, &snapshot->settings};
  options.offer = published_.view->offers[listener];
  options.policy = snapshot->policy;
  options.user_rewrite = snapshot->user_rewrite;
  options.rule_slots = {snapshot, &snapshot->rule_slots};
  if (settings.tls != config::ListenerTls::Off) options.server_context = snapshot->server_context;
  options.facts.listener = settings.name;
  options.facts.listener_index = listener;
  options.facts.tls = settings.tls;
  options.facts.trusted = is_trusted(settings, client.address);
  options.facts.client_address = std::move(client.address);
  options.facts.client_port = client.port;
  options.facts.connected_address = std::move(connected.address);
  options.facts.connected_port = connected.port;
  options.facts.session_id = random_.session_id();
  options.version = version();
  options.tag_seed = random_.number();
  return options;
}

net::Candidates Worker::candidates(const filters::SessionFacts& facts, const TlsFacts& tls,
                                   const std::string& user) {
  const config::Settings& settings = published_.snapshot->settings;
  config::RouteFacts route;
  route.listener = facts.listener;
  route.sni = filters::asked_name(facts, tls);
  route.user = user;
  route.client = config::parse_address(facts.client_address).value_or(config::Address16{});
  const std::size_t chosen = config::choose_route(settings, route);
  const config::Upstream& upstream = settings.upstreams[chosen];
  const UpstreamState& state = published_.view->upstreams[chosen];
  net::Candidates candidates;
  candidates.upstream = published_.snapshot->upstream_slots[chosen];
  candidates.name = upstream.name;
  candidates.tls = upstream.tls;
  candidates.send_id = upstream.send_id;
  candidates.master = upstream.master;
  candidates.context = published_.snapshot->client_contexts[chosen];
  candidates.endpoints = order_endpoints(state.endpoints, user.empty() ? facts.client_address : user);
  candidates.why_empty = state.why_empty;
  if (auto preface = net::write_proxy_header(upstream.proxy_protocol, facts, tls)) {
    candidates.preface = std::move(*preface);
  } else {
    candidates.endpoints.clear();
    candidates.why_empty = ErrorCode::UpstreamProxyHeader;
  }
  return candidates;
}

void Worker::enqueue(net::Relay& relay) {
  queue_.push_back(&relay);
  if (queue_.size() > 1) return;
  uv_idle_start(&idle_, [](uv_idle_t* handle) { static_cast<Worker*>(handle->data)->run_queue(); });
}

// One turn for each relay that waits; who asks again waits for the next round, behind the sockets.
void Worker::run_queue() {
  turns_.swap(queue_);
  for (net::Relay*& relay : turns_)
    if (relay != nullptr) std::exchange(relay, nullptr)->turn();
  turns_.clear();
  if (queue_.empty()) uv_idle_stop(&idle_);
}

void Worker::ended(net::Relay& relay) noexcept {
  std::replace(turns_.begin(), turns_.end(), &relay, static_cast<net::Relay*>(nullptr));
  std::erase(queue_, &relay);
  buried_.push_back(&relay);
}

void Worker::bury() {
  const std::vector<net::Relay*> ended = std::exchange(buried_, {});
  for (net::Relay* relay : ended) relays_.erase(relay);
  leave(ended.size());
  finish_if_empty();
}

// So many connections are gone, and their descriptors free again.
void Worker::leave(std::size_t connections) {
  for (; connections > 0; --connections) around_.gate.leave();
  for (const auto& listener : listeners_)
    if (!draining_ && !around_.gate.full()) listener->resume();
}

void Worker::obey_gate() {
  if (draining_) return;
  const bool full = around_.gate.full();
  for (const auto& listener : listeners_) full ? listener->pause() : listener->resume();
}

void Worker::finish_if_empty() {
  if (!draining_ || finished_ || !relays_.empty()) return;
  close_handles();
  around_.ended();
}

void Worker::close_handles() {
  finished_ = true;
  for (const auto& listener : listeners_) listener->close();
  mailbox_.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), nullptr);
}

}  // namespace postern::server
