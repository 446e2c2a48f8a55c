#include "upstreams/monitor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "net/address.h"
#include "net/connector.h"
#include "proxy_protocol/proxy_header.h"

namespace postern::server {

struct Monitor::Address {
  sockaddr_storage address{};
  std::string text;
  HealthState health;
  bool probed = false;
  imap::CapabilityList capabilities;
  Probe* probe = nullptr;  // while one is under way

  Address() = default;
  Address(const Address&) = delete;
  Address& operator=(const Address&) = delete;
  ~Address() {
    if (probe != nullptr) probe->cancel();
  }
};

struct Monitor::Server {
  explicit Server(uv_loop_t* loop) : resolver(loop) {}

  config::HostPort host;
  bool numeric = false;
  std::uint64_t resolve_at_ms = 0;  // of the loop's clock
  bool resolution_failed = false;   // logged
  std::vector<std::unique_ptr<Address>> addresses;
  Resolver resolver;
};

namespace {

// libuv takes 0 for "once".
std::uint64_t period_ms(Duration duration) { return std::max<std::uint64_t>(milliseconds(duration), 1); }

// What was learnt by one way to an upstream says nothing of another way.
bool same_way(const config::Upstream& a, const config::Upstream& b) {
  return a.tls == b.tls && a.tls_min_version == b.tls_min_version && a.tls_ciphers == b.tls_ciphers &&
         a.ca == b.ca && a.verify == b.verify && a.pin_sha256 == b.pin_sha256 &&
         a.server_name == b.server_name && a.client_cert == b.client_cert &&
         a.proxy_protocol == b.proxy_protocol;
}

}  // namespace

Monitor::Monitor(Environment& environment, telemetry::CellsBy<telemetry::ConnectResult>& checks)
    : environment_(environment), checks_(checks), timer_(new uv_timer_t) {
  uv_timer_init(environment_.loop, timer_);
  timer_->data = this;
}

Monitor::~Monitor() {
  uv_close(reinterpret_cast<uv_handle_t*>(timer_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

void Monitor::apply(const config::Upstream& settings, std::shared_ptr<const tls::ClientContext> context) {
  std::vector<std::unique_ptr<Server>> old;
  if (same_way(settings, settings_)) old = std::exchange(servers_, {});
  servers_.clear();
  settings_ = settings;
  context_ = std::move(context);
  for (const config::HostPort& host : settings_.servers) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& server) {
      return server && server->host.host == host.host && server->host.port == host.port;
    });
    if (same != old.end()) {
      servers_.push_back(std::move(*same));
      continue;
    }
    auto server = std::make_unique<Server>(environment_.loop);
    server->host = host;
    if (const auto address = net::parse_address(host.host, host.port)) {
      server->numeric = true;
      set_addresses(*server, {*address});
    }
    servers_.push_back(std::move(server));
  }
  uv_timer_start(timer_, on_timer, 0, period_ms(settings_.health.interval));
}

void Monitor::on_timer(uv_timer_t* timer) { static_cast<Monitor*>(timer->data)->tick(); }

void Monitor::tick() {
  for (const auto& server : servers_) {
    if (!server->numeric && uv_now(environment_.loop) >= server->resolve_at_ms) resolve(*server);
    for (const auto& address : server->addresses)
      if (address->probe == nullptr) probe(*server, *address);
  }
}

void Monitor::resolve(Server& server) {
  // The resolver is the server's own: it is cancelled with it.
  server.resolve_at_ms = uv_now(environment_.loop) + period_ms(settings_.dns_ttl);
  server.resolver.resolve(
      server.host.host, server.host.port,
      [this, &server](Result<Resolver::Addresses> result) { resolved(server, std::move(result)); });
}

void Monitor::resolved(Server& server, Result<Resolver::Addresses> result) {
  if (!result) {
    // The addresses that are known stay in use: better an old address than none.
    server.resolve_at_ms = 0;
    if (std::exchange(server.resolution_failed, true)) return;
    environment_.log.log(
        LogLevel::Warning, "upstream name not resolved", "",
        {{"upstream", settings_.name}, {"server", server.host.text()}, {"detail", result.error().detail}});
    return;
  }
  server.resolution_failed = false;
  set_addresses(server, *result);
  for (const auto& address : server.addresses)
    if (!address->probed && address->probe == nullptr) probe(server, *address);
  environment_.changed();
}

void Monitor::set_addresses(Server& server, const Resolver::Addresses& addresses) {
  std::vector<std::unique_ptr<Address>> old = std::exchange(server.addresses, {});
  for (const sockaddr_storage& wanted : addresses) {
    const std::string text = net::host_port_text(wanted);
    const auto same =
        std::find_if(old.begin(), old.end(), [&](const auto& a) { return a && a->text == text; });
    if (same != old.end()) {
      server.addresses.push_back(std::move(*same));
      continue;
    }
    auto address = std::make_unique<Address>();
    address->address = wanted;
    address->text = text;
    server.addresses.push_back(std::move(address));
  }
}

void Monitor::probe(Server& server, Address& address) {
  ProbeTarget target;
  target.endpoint.address = address.address;
  target.endpoint.text = server.host.text();
  target.endpoint.server_name = settings_.server_name.empty() ? server.host.host : settings_.server_name;
  target.preface = net::write_local_proxy_header(settings_.proxy_protocol);
  target.tls = settings_.tls;
  target.context = context_;
  target.timeout = settings_.health.timeout;
  target.tag_stem = "p" + std::to_string(environment_.random.number() % 1'000'000'000U);
  address.probe = Probe::start(environment_.loop, std::move(target),
                               [this, &server, &address](const ProbeReport& report) {
                                 address.probe = nullptr;
                                 probed(server, address, report);
                               });
}

void Monitor::probed(const Server& server, Address& address, const ProbeReport& report) {
  checks_[telemetry::index_of(net::result_of(report.code))].add();
  const Health before = address.health.health();
  const bool good = report.code == ErrorCode::Ok;
  const bool news = good ? address.health.succeeded(settings_.health)
                         : address.health.failed(report.code, settings_.health);
  if (news) log_change(server, address, report);
  const bool learnt = good && (!address.probed || address.capabilities != report.capabilities);
  if (good) {
    address.probed = true;
    address.capabilities = report.capabilities;
  }
  if (learnt || address.health.health() != before) environment_.changed();
}

void Monitor::log_change(const Server& server, const Address& address, const ProbeReport& report) {
  const std::string endpoint = server.host.text();
  if (report.code == ErrorCode::Ok) {
    environment_.log.log(LogLevel::Info, "upstream up", "",
                         {{"upstream", settings_.name}, {"endpoint", endpoint}, {"address", address.text}});
    return;
  }
  environment_.log.log(LogLevel::Warning, "upstream down", "",
                       {{"upstream", settings_.name},
                        {"endpoint", endpoint},
                        {"address", address.text},
                        {"reason", std::string(label_of(report.code))},
                        {"state", report.state},
                        {"detail", report.detail}});
}

UpstreamState Monitor::state() const {
  UpstreamState state;
  for (const auto& server : servers_) {
    for (const auto& address : server->addresses) {
      EndpointView& view = state.endpoints.emplace_back();
      view.endpoint.address = address->address;
      view.endpoint.text = server->host.text();
      view.endpoint.server_name = settings_.server_name.empty() ? server->host.host : settings_.server_name;
      view.address_text = address->text;
      view.health = address->health.health();
      view.probed = address->probed;
      view.capabilities = address->capabilities;
    }
  }
  return state;
}

std::vector<telemetry::EndpointMetric> Monitor::metrics() const {
  std::vector<telemetry::EndpointMetric> metrics;
  for (const auto& server : servers_) {
    const bool up = std::any_of(server->addresses.begin(), server->addresses.end(),
                                [](const auto& a) { return a->health.health() == Health::Up; });
    metrics.push_back({settings_.name, server->host.text(), up});
  }
  return metrics;
}

}  // namespace postern::server
