// All upstreams as the main thread watches them: one Monitor for each, and the UpstreamView made of what they
// know. Main thread only. State outlives reloads: an upstream is the same as long as its name stays.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "upstreams/monitor.h"

namespace postern::server {

class Upstreams {
 public:
  using Publish = std::function<void()>;

  // `publish` is called from the loop whenever view() has changed.
  Upstreams(uv_loop_t* loop, LogSink& log, RandomSource& random, telemetry::MainCells& cells,
            Publish publish);

  void apply(const Snapshot& snapshot);  // then take view()
  std::shared_ptr<const UpstreamView> view(const config::Settings& settings) const;

  std::vector<telemetry::EndpointMetric> metrics() const;
  // Stops all probes and look-ups.
  void close() { monitors_.clear(); }

 private:
  Monitor::Environment environment_;
  telemetry::MainCells& cells_;
  std::vector<std::unique_ptr<Monitor>> monitors_;  // as in Settings::upstreams
};

}  // namespace postern::server
