#include "process/door.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "config/match.h"
#include "status/metrics.h"
#include "telemetry/version.h"

namespace postern::server {
namespace {

using telemetry::index_of;
using telemetry::ProxyError;
using telemetry::RejectReason;

constexpr std::uint64_t kComplaintEveryNs = 10'000'000'000;

// May this address say whom it speaks for?
bool is_trusted(const config::Listener& listener, const std::string& address) {
  if (listener.trusted_proxies.empty()) return false;
  const std::optional<config::Address16> octets = config::parse_address(address);
  return octets && std::any_of(listener.trusted_proxies.begin(), listener.trusted_proxies.end(),
                               [&](const config::Cidr& each) { return config::contains(each, *octets); });
}

// One line tells of many.
bool may_complain(std::uint64_t& last_ns) noexcept {
  const std::uint64_t now = uv_hrtime();
  if (last_ns != 0 && now - last_ns < kComplaintEveryNs) return false;
  last_ns = now;
  return true;
}

}  // namespace

Result<void> Door::open(std::vector<net::Socket> bound) {
  net::Acceptor& acceptor = *this;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    auto& listener = listeners_.emplace_back(std::make_unique<net::Listener>(acceptor, i));
    if (auto opened = listener->open(host_.loop(), std::move(bound[i])); !opened) return opened.error();
  }
  return {};
}

void Door::apply_gate() {
  if (closed_) return;
  const bool full = gate_.full();
  for (const auto& listener : listeners_) full ? listener->pause() : listener->resume();
}

void Door::leave(std::size_t connections) {
  for (; connections > 0; --connections) gate_.leave();
  for (const auto& listener : listeners_)
    if (!closed_ && !gate_.full()) listener->resume();
}

void Door::close() {
  closed_ = true;
  for (const auto& listener : listeners_) listener->close();
  forget_headers();
}

void Door::accepted(std::size_t listener, net::Socket client, net::Peer peer) noexcept {
  telemetry::ListenerCells& cells = cells_of(listener);
  cells.accepted.add();
  if (closed_) return cells.rejected[index_of(RejectReason::Draining)].add();
  const config::Listener& settings = settings_of(listener);
  if (settings.proxy_protocol && !is_trusted(settings, peer.address))
    return refuse_header(listener, peer, ProxyError::Untrusted, "the sender is not in trusted_proxies",
                         LogLevel::Info);
  if (!gate_.enter()) return cells.rejected[index_of(RejectReason::MaxConnections)].add();
  if (gate_.full()) apply_gate();
  if (settings.proxy_protocol) return await_header(listener, std::move(client), std::move(peer));
  begin(listener, std::move(client), std::move(peer), nullptr);
}

void Door::await_header(std::size_t listener, net::Socket client, net::Peer peer) {
  net::ProxyHeaderUser& user = *this;
  auto reader = std::make_unique<net::ProxyHeaderReader>(user, listener, std::move(client), std::move(peer));
  const Duration limit = host_.plan()->snapshot().settings.limits.timeouts.handshake;
  if (const int rc = reader->start(host_.loop(), limit); rc != 0) {
    leave(1);
    return accept_failed(listener, -rc);  // libuv's errors are the kernel's, negated
  }
  cells_of(listener).active.add();
  headers_.emplace(reader.get(), std::move(reader));
}

void Door::header_read(net::ProxyHeaderReader& reader, const net::ProxyHeader& header) noexcept {
  const auto owner = std::move(headers_.extract(&reader).mapped());
  cells_of(reader.listener()).active.sub();
  begin(reader.listener(), std::move(reader.client()), std::move(reader.peer()), &header);
}

// A balancer that only looks whether somebody listens is no fault, but is told apart from one that serves.
void Door::header_refused(net::ProxyHeaderReader& reader, ProxyError error, std::string_view why,
                          bool is_empty) noexcept {
  const auto owner = std::move(headers_.extract(&reader).mapped());
  cells_of(reader.listener()).active.sub();
  const bool is_probe = is_empty && error == ProxyError::Closed;
  refuse_header(reader.listener(), reader.peer(), error, why, is_probe ? LogLevel::Debug : LogLevel::Warning);
  leave(1);
}

void Door::refuse_header(std::size_t listener, const net::Peer& peer, ProxyError error, std::string_view why,
                         LogLevel level) {
  telemetry::ListenerCells& cells = cells_of(listener);
  cells.rejected[index_of(RejectReason::ProxyProtocol)].add();
  cells.proxy_errors[index_of(error)].add();
  host_.log().log(level, "proxy header refused", "",
                  {{"listener", settings_of(listener).name},
                   {"peer", peer.address},
                   {"reason", std::string(name_of(error))},
                   {"fault", std::string(why)},
                   {"peer_port", std::to_string(peer.port)}});
}

// Nobody has been greeted on these connections yet, so nobody needs a BYE.
void Door::forget_headers() {
  for (const auto& [reader, owner] : headers_) {
    cells_of(reader->listener()).active.sub();
    cells_of(reader->listener()).rejected[index_of(RejectReason::Draining)].add();
    gate_.leave();
  }
  headers_.clear();
}

void Door::begin(std::size_t listener, net::Socket client, net::Peer peer, const net::ProxyHeader* header) {
  net::Peer connected;
  std::string proxy;
  if (header != nullptr && header->has_addresses) {
    proxy = std::exchange(peer, header->source).address;
    connected = header->destination;
  } else if (tells_connected_address()) {
    connected = net::local_end_of(client.fd());
  }
  net::RelayOptions options = options_for(listener, std::move(peer), std::move(connected));
  options.proxy = std::move(proxy);
  if (!options.facts.trusted) {
    options.seat = host_.ledger().seat_client(options.facts.client_address);
    if (!options.seat) return refuse_client(listener, client, options.facts);
  }
  host_.admit(std::move(options), std::move(client));
}

void Door::accept_failed(std::size_t listener, int error) noexcept {
  cells_of(listener).rejected[index_of(RejectReason::Overload)].add();
  if (!may_complain(complained_at_ns_)) return;
  host_.log().log(LogLevel::Error, "cannot accept", "",
                  {{"listener", settings_of(listener).name}, {"reason", std::strerror(error)}});
}

// Costs neither a session nor a handshake; whoever expects TLS cannot be told why.
void Door::refuse_client(std::size_t listener, const net::Socket& client,
                         const filters::SessionFacts& facts) {
  const config::Listener& settings = settings_of(listener);
  const ErrorRow& row = row_of(ErrorCode::TooManyClientSessions);
  cells_of(listener).rejected[index_of(RejectReason::ClientLimit)].add();
  if (settings.tls != config::ListenerTls::Implicit) {
    const std::string bye = "* BYE [LIMIT] " + std::string(row.client) + "\r\n";
    static_cast<void>(::send(client.fd(), bye.data(), bye.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  if (may_complain(complained_of_client_ns_))
    host_.log().log(row.level, "client refused", "",
                    {{"listener", settings.name},
                     {"client", facts.client_address},
                     {"reason", std::string(row.label)},
                     {"client_port", std::to_string(facts.client_port)}});
  leave(1);
}

net::RelayOptions Door::options_for(std::size_t listener, net::Peer client, net::Peer connected) {
  const std::shared_ptr<const Snapshot>& snapshot = host_.plan()->published().snapshot;
  const config::Listener& settings = settings_of(listener);
  net::RelayOptions options;
  options.settings = {snapshot, &snapshot->settings};
  options.routes = host_.plan();
  options.offer = host_.plan()->published().view->offers[listener];
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

// Does an upstream want to know what the client connected to?
bool Door::tells_connected_address() const noexcept {
  const std::vector<config::Upstream>& upstreams = host_.plan()->snapshot().settings.upstreams;
  return std::any_of(upstreams.begin(), upstreams.end(), [](const auto& upstream) {
    return upstream.send_id || upstream.proxy_protocol != config::ProxyProtocol::Off;
  });
}

}  // namespace postern::server
