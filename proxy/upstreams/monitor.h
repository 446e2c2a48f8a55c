// Watches one upstream: resolves its servers' names every dns_ttl and probes each address every
// health.interval. Main thread only; owned by Upstreams. Tells its owner when something changed that the
// workers must know.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log_sink.h"
#include "config/settings.h"
#include "crypto/random.h"
#include "telemetry/cells.h"
#include "tls/context.h"
#include "upstreams/probe.h"
#include "upstreams/resolver.h"
#include "upstreams/upstream_view.h"

namespace postern::server {

class Monitor {
 public:
  struct Environment {
    uv_loop_t* loop;
    LogSink& log;
    RandomSource& random;
    std::function<void()> changed;
  };

  // `checks`: where the results of probes are counted.
  Monitor(Environment& environment, telemetry::CellsBy<telemetry::ConnectResult>& checks);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // At the start and at each reload. What is known of an address stays if the way to it is the same.
  void apply(const config::Upstream& settings, std::shared_ptr<const tls::ClientContext> context);

  UpstreamState state() const;
  const std::string& name() const noexcept { return settings_.name; }
  std::vector<telemetry::EndpointMetric> metrics()
      const;  // one for each configured server: up if any of its addresses is

 private:
  struct Address;
  struct Server;

  static void on_timer(uv_timer_t* timer);
  void tick();
  void resolve(Server& server);
  void resolved(Server& server, Result<Resolver::Addresses> result);
  void set_addresses(Server& server, const Resolver::Addresses& addresses);
  void probe(Server& server, Address& address);
  void probed(const Server& server, Address& address, const ProbeReport& report);
  void log_change(const Server& server, const Address& address, const ProbeReport& report);

  Environment& environment_;
  telemetry::CellsBy<telemetry::ConnectResult>& checks_;
  config::Upstream settings_;
  std::shared_ptr<const tls::ClientContext> context_;
  std::vector<std::unique_ptr<Server>> servers_;
  uv_timer_t* timer_;  // frees itself when libuv has closed it
};

}  // namespace postern::server
