#include "upstreams/upstreams.h"

#include <algorithm>
#include <utility>

namespace postern::server {

Upstreams::Upstreams(uv_loop_t* loop, LogSink& log, RandomSource& random, telemetry::MainCells& cells,
                     Publish publish)
    : environment_{loop, log, random, std::move(publish)}, cells_(cells) {}

void Upstreams::apply(const Snapshot& snapshot) {
  std::vector<std::unique_ptr<Monitor>> old = std::exchange(monitors_, {});
  const auto& wanted = snapshot.settings.upstreams;
  for (std::size_t u = 0; u < wanted.size(); ++u) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& monitor) {
      return monitor && monitor->name() == wanted[u].name;
    });
    std::unique_ptr<Monitor> monitor;
    if (same != old.end())
      monitor = std::move(*same);
    else
      monitor = std::make_unique<Monitor>(environment_, cells_.health_checks[snapshot.upstream_slots[u]]);
    monitor->apply(wanted[u], snapshot.client_contexts[u]);
    monitors_.push_back(std::move(monitor));
  }
}

std::shared_ptr<const UpstreamView> Upstreams::view(const config::Settings& settings) const {
  auto view = std::make_shared<UpstreamView>();
  for (const auto& monitor : monitors_) view->upstreams.push_back(monitor->state());
  view->offers = make_offers(settings, view->upstreams);
  return view;
}

std::vector<telemetry::EndpointMetric> Upstreams::metrics() const {
  std::vector<telemetry::EndpointMetric> all;
  for (const auto& monitor : monitors_) {
    std::vector<telemetry::EndpointMetric> of_one = monitor->metrics();
    std::move(of_one.begin(), of_one.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace postern::server
