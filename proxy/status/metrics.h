// /metrics: all that is counted, as Prometheus text. The only place that knows names, help texts and labels.
// Runs on the main thread at a scrape: reads the workers' cells (single writer, relaxed) and adds them up;
// nothing of it is on a data path. Every label has a closed set of values, and all of them are there from the
// first scrape, so that rate() works.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/writer/writer.h"
#include "status/process_stats.h"
#include "telemetry/cells.h"

namespace postern::server {

// Prometheus 3 refuses a scrape whose Content-Type it cannot read.
inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct CertificateMetric {
  std::string certificate;  // its file's path, as the configuration names it
  double not_after_seconds = 0;
};

// All that one scrape shows. Listener and upstream names stand in the order of the cells.
struct MetricsView {
  std::string_view version;
  std::string_view revision;
  std::string_view openssl;
  std::vector<std::string> listeners;
  std::vector<std::string> upstreams;
  std::vector<std::string> rules;
  std::vector<const telemetry::WorkerCells*> workers;
  const telemetry::MainCells* main = nullptr;
  std::vector<telemetry::EndpointMetric> endpoints;
  std::vector<CertificateMetric> certificates;
  std::array<std::uint64_t, 4> log_messages{};  // by LogLevel
  std::uint64_t log_dropped = 0;
  std::uint64_t throttled_networks = 0;
  std::uint64_t throttled_users = 0;
  std::uint64_t deletions_charged = 0;       // messages
  std::uint64_t deletions_braked = 0;        // commands
  std::uint64_t deletions_uncounted = 0;     // commands
  std::optional<audit::WriterStatus> audit;  // nothing: it is off
  bool ready = false;
  bool draining = false;
  ProcessStats process;
};

std::string render_metrics(const MetricsView& view);

}  // namespace postern::server
