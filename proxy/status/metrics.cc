#include "status/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cmath>
#include <functional>
#include <sstream>
#include <utility>

#include "base/side.h"
#include "imap/sasl.h"
#include "imap/verb.h"
#include "telemetry/log_line.h"

namespace postern::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using telemetry::Cell;
using telemetry::ListenerCells;
using telemetry::SideCells;
using telemetry::UpstreamCells;
using telemetry::WorkerCells;
using Labels = std::vector<ClientMetric::Label>;

// The values of the labels, in the order of the enumerations in telemetry/cells.h.
using telemetry::NamesOf;

constexpr NamesOf<telemetry::SessionState> kStates{"unauthenticated", "authenticated", "selected", "idle",
                                                   "closing"};
constexpr NamesOf<telemetry::StarttlsResult> kStarttls{"ok", "refused", "injection_blocked"};
constexpr NamesOf<telemetry::AuthResult> kAuthResults{"success", "failure", "temporary", "denied"};
constexpr NamesOf<telemetry::CommandResult> kCommandResults{"ok", "no", "bad", "denied"};
constexpr NamesOf<telemetry::ParseError> kParseErrors{"syntax", "line_too_long", "literal_too_large"};
constexpr NamesOf<telemetry::RejectReason> kRejections{"max_connections", "client_limit", "overload",
                                                       "draining", "proxy_protocol"};
constexpr NamesOf<telemetry::HandshakeMode> kModes{"implicit", "starttls"};
constexpr NamesOf<telemetry::HandshakeFailure> kHandshakeFailures{
    "version", "cipher", "alpn", "sni", "client_cert", "verify", "timeout", "eof", "other"};
constexpr NamesOf<telemetry::PolicyResult> kPolicyResults{"allow", "deny", "rewrite", "observe"};
constexpr NamesOf<telemetry::ConnectResult> kConnectResults{"ok",  "refused",  "timeout", "dns",
                                                            "tls", "greeting", "error"};
constexpr NamesOf<telemetry::ReloadResult> kReloadResults{"ok", "failed", "unchanged"};
constexpr std::array<const char*, 4> kTlsVersions{"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
constexpr std::array<Side, 2> kSides{Side::Client, Side::Upstream};

class Family {
 public:
  Family(std::vector<MetricFamily>& families, MetricType type, const char* name, const char* help)
      : family_(families.emplace_back()) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }

  void add(Labels labels, double value) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    (family_.type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
  }
  void add(Labels labels, std::uint64_t value) { add(std::move(labels), static_cast<double>(value)); }

  // `counts`: of each bucket alone, the last one without a bound.
  template <typename Bounds, typename Counts>
  void add_histogram(Labels labels, const Bounds& bounds, const Counts& counts, double sum) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      metric.histogram.sample_count += counts[i];
      metric.histogram.bucket.push_back(
          {metric.histogram.sample_count, i < bounds.size() ? bounds[i] : INFINITY});
    }
    metric.histogram.sample_sum = sum;
  }
  // `pick`: the histogram of one worker; all of them have the same bounds.
  template <typename Pick>
  void add_histogram(Labels labels, const std::vector<const WorkerCells*>& workers, Pick pick) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    if (workers.empty()) return;
    const auto& bounds = pick(*workers.front()).bounds();
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
      for (const WorkerCells* worker : workers) metric.histogram.sample_count += pick(*worker).bucket(i);
      const double bound = i < bounds.size() ? bounds[i] : INFINITY;
      metric.histogram.bucket.push_back({metric.histogram.sample_count, bound});
    }
    for (const WorkerCells* worker : workers) metric.histogram.sample_sum += pick(*worker).sum_seconds();
  }

 private:
  MetricFamily& family_;  // valid until the next family is begun
};

class Collector final : public prometheus::Collectable {
 public:
  explicit Collector(const MetricsView& view) : view_(view) {}

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families;
    collect_gateway(families);
    collect_listeners(families);
    collect_sessions(families);
    collect_sides(families);
    collect_handshakes(families);
    collect_certificates(families);
    collect_auth(families);
    collect_commands(families);
    collect_deletions(families);
    collect_rules(families);
    collect_upstreams(families);
    collect_loop(families);
    collect_reloads(families);
    collect_log(families);
    if (view_.audit) collect_audit(families, *view_.audit);
    collect_process(families);
    return families;
  }

 private:
  using Out = std::vector<MetricFamily>;

  template <typename Pick>  // const WorkerCells& -> const Cell&
  std::uint64_t sum(Pick pick) const {
    std::uint64_t total = 0;
    for (const WorkerCells* worker : view_.workers) total += pick(*worker).load();
    return total;
  }
  template <typename Pick>  // const ListenerCells& -> const Cell&
  std::uint64_t sum_listener(std::size_t listener, Pick pick) const {
    return sum([&](const WorkerCells& worker) -> const Cell& { return pick(worker.listeners[listener]); });
  }
  template <typename Pick>
  std::uint64_t sum_upstream(std::size_t upstream, Pick pick) const {
    return sum([&](const WorkerCells& worker) -> const Cell& { return pick(worker.upstreams[upstream]); });
  }
  template <typename Pick>
  std::uint64_t sum_side(Side side, Pick pick) const {
    const auto index = static_cast<std::size_t>(side);
    return sum([&](const WorkerCells& worker) -> const Cell& { return pick(worker.sides[index]); });
  }

  // One series for each listener and each value of an enumeration.
  template <typename Names, typename Pick>  // (const ListenerCells&, index) -> const Cell&
  void add_by_listener(Family& family, const char* label, const Names& names, Pick pick) const {
    for (std::size_t l = 0; l < view_.listeners.size(); ++l) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto cell = [&](const ListenerCells& c) -> const Cell& { return pick(c, i); };
        family.add({{"listener", view_.listeners[l]}, {label, names[i]}}, sum_listener(l, cell));
      }
    }
  }
  template <typename Names, typename Pick>  // (const SideCells&, index) -> const Cell&
  void add_by_side(Family& family, const char* label, const Names& names, Pick pick) const {
    for (const Side side : kSides) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto cell = [&](const SideCells& c) -> const Cell& { return pick(c, i); };
        family.add({{"side", name_of(side)}, {label, names[i]}}, sum_side(side, cell));
      }
    }
  }
  template <typename Pick>
  void add_sides(Family& family, Pick pick) const {
    for (const Side side : kSides) family.add({{"side", name_of(side)}}, sum_side(side, pick));
  }

  void collect_gateway(Out& out) const {
    Family(out, MetricType::Gauge, "postern_build_info",
           "Version, revision and OpenSSL of the running program.")
        .add({{"version", std::string(view_.version)},
              {"revision", std::string(view_.revision)},
              {"openssl", std::string(view_.openssl)}},
             1.0);
    Family(out, MetricType::Gauge, "postern_ready", "1 while /readyz answers 200.")
        .add({}, view_.ready ? 1.0 : 0.0);
    Family(out, MetricType::Gauge, "postern_draining", "1 from the signal to end until the end.")
        .add({}, view_.draining ? 1.0 : 0.0);
  }

  void collect_listeners(Out& out) const {
    Family accepted(out, MetricType::Counter, "postern_connections_accepted_total",
                    "Connections taken from the kernel.");
    for (std::size_t l = 0; l < view_.listeners.size(); ++l)
      accepted.add({{"listener", view_.listeners[l]}},
                   sum_listener(l, [](const ListenerCells& c) -> const Cell& { return c.accepted; }));
    Family rejected(out, MetricType::Counter, "postern_connections_rejected_total",
                    "Connections that were closed before they became a session, by reason.");
    add_by_listener(rejected, "reason", kRejections,
                    [](const ListenerCells& c, std::size_t i) -> const Cell& { return c.rejected[i]; });
    Family headers(out, MetricType::Counter, "postern_proxy_protocol_errors_total",
                   "Connections closed for want of a PROXY header that could be believed, by reason.");
    add_by_listener(headers, "reason", telemetry::kProxyErrorNames,
                    [](const ListenerCells& c, std::size_t i) -> const Cell& { return c.proxy_errors[i]; });
    Family active(out, MetricType::Gauge, "postern_connections_active", "Client connections that are open.");
    for (std::size_t l = 0; l < view_.listeners.size(); ++l)
      active.add({{"listener", view_.listeners[l]}},
                 sum_listener(l, [](const ListenerCells& c) -> const Cell& { return c.active; }));
    Family starttls(out, MetricType::Counter, "postern_starttls_total", "STARTTLS commands, by result.");
    add_by_listener(starttls, "result", kStarttls,
                    [](const ListenerCells& c, std::size_t i) -> const Cell& { return c.starttls[i]; });
  }

  void collect_sessions(Out& out) const {
    Family active(out, MetricType::Gauge, "postern_sessions_active",
                  "Sessions by state; each session is in one state.");
    add_by_listener(active, "state", kStates,
                    [](const ListenerCells& c, std::size_t i) -> const Cell& { return c.sessions[i]; });
    std::array<std::string, telemetry::count_of<CloseReason>> reasons;
    for (std::size_t i = 0; i < reasons.size(); ++i) reasons[i] = name_of(static_cast<CloseReason>(i));
    Family closed(out, MetricType::Counter, "postern_sessions_closed_total",
                  "Sessions that ended, by reason.");
    add_by_listener(closed, "reason", reasons,
                    [](const ListenerCells& c, std::size_t i) -> const Cell& { return c.closed[i]; });
  }

  void collect_sides(Out& out) const {
    Family received(out, MetricType::Counter, "postern_received_bytes_total",
                    "Bytes read from clients and from upstreams, TLS included.");
    add_sides(received, [](const SideCells& c) -> const Cell& { return c.received_bytes; });
    Family sent(out, MetricType::Counter, "postern_sent_bytes_total",
                "Bytes written to clients and to upstreams, TLS included.");
    add_sides(sent, [](const SideCells& c) -> const Cell& { return c.sent_bytes; });
    Family buffered(out, MetricType::Gauge, "postern_buffered_bytes",
                    "Bytes held in memory because the side they go to does not take them.");
    add_sides(buffered, [](const SideCells& c) -> const Cell& { return c.buffered_bytes; });
    Family errors(out, MetricType::Counter, "postern_parse_errors_total",
                  "Commands and responses that could not be framed, by reason.");
    add_by_side(errors, "reason", kParseErrors,
                [](const SideCells& c, std::size_t i) -> const Cell& { return c.parse_errors[i]; });
  }

  void collect_handshakes(Out& out) const {
    Family done(out, MetricType::Counter, "postern_tls_handshakes_total", "TLS handshakes that succeeded.");
    for (const Side side : kSides)
      for (std::size_t mode = 0; mode < kModes.size(); ++mode)
        for (std::size_t version = 0; version < kTlsVersions.size(); ++version)
          for (std::size_t resumed = 0; resumed < 2; ++resumed)
            done.add({{"side", name_of(side)},
                      {"mode", kModes[mode]},
                      {"version", kTlsVersions[version]},
                      {"resumed", resumed == 0 ? "false" : "true"}},
                     sum_side(side, [&](const SideCells& c) -> const Cell& {
                       return c.handshakes[mode][version][resumed];
                     }));
    Family failed(out, MetricType::Counter, "postern_tls_handshake_failures_total",
                  "TLS handshakes that failed, by reason.");
    add_by_side(failed, "reason", kHandshakeFailures,
                [](const SideCells& c, std::size_t i) -> const Cell& { return c.handshake_failures[i]; });
    Family duration(out, MetricType::Histogram, "postern_tls_handshake_duration_seconds",
                    "Time from the first octet of a TLS handshake to its end.");
    for (const Side side : kSides) {
      const auto index = static_cast<std::size_t>(side);
      duration.add_histogram(
          {{"side", name_of(side)}}, view_.workers, [index](const WorkerCells& w) -> const auto& {
            return w.sides[index].handshake_duration;
          });
    }
  }

  void collect_certificates(Out& out) const {
    if (view_.certificates.empty()) return;
    Family expiry(out, MetricType::Gauge, "postern_tls_certificate_expiry_timestamp_seconds",
                  "When a served certificate expires, in seconds since the epoch.");
    for (const CertificateMetric& c : view_.certificates)
      expiry.add({{"certificate", c.certificate}}, c.not_after_seconds);
  }

  void collect_auth(Out& out) const {
    Family attempts(out, MetricType::Counter, "postern_auth_attempts_total",
                    "Logins by mechanism and result; temporary: the upstream could not be had.");
    constexpr std::size_t kMechanisms = static_cast<std::size_t>(imap::Mechanism::kCount);
    static_assert(kMechanisms <= telemetry::kMechanismSlots);
    for (std::size_t l = 0; l < view_.listeners.size(); ++l)
      for (std::size_t m = 0; m < kMechanisms; ++m)
        for (std::size_t r = 0; r < kAuthResults.size(); ++r)
          attempts.add({{"listener", view_.listeners[l]},
                        {"mechanism", std::string(imap::row_of(static_cast<imap::Mechanism>(m)).label)},
                        {"result", kAuthResults[r]}},
                       sum_listener(l, [&](const ListenerCells& c) -> const Cell& { return c.auth[m][r]; }));
    Family throttled(out, MetricType::Counter, "postern_auth_throttled_total",
                     "Logins refused because of a ban, by what was banned.");
    throttled.add({{"scope", "subnet"}}, view_.throttled_networks);
    throttled.add({{"scope", "user"}}, view_.throttled_users);
  }

  void collect_commands(Out& out) const {
    Family commands(out, MetricType::Counter, "postern_commands_total",
                    "Commands by name and result; OTHER: a name that no standard has.");
    constexpr std::size_t kVerbs = static_cast<std::size_t>(imap::Verb::kCount);
    static_assert(kVerbs <= telemetry::kCommandSlots);
    for (std::size_t v = 0; v < kVerbs; ++v)
      for (std::size_t r = 0; r < kCommandResults.size(); ++r)
        commands.add({{"command", std::string(imap::name_of(static_cast<imap::Verb>(v)))},
                      {"result", kCommandResults[r]}},
                     sum([&](const WorkerCells& w) -> const Cell& { return w.commands[v][r]; }));
  }

  void collect_rules(Out& out) const {
    Family decisions(out, MetricType::Counter, "postern_policy_decisions_total",
                     "Commands that a rule decided; observe: it would have, but is on trial.");
    for (std::size_t rule = 0; rule < view_.rules.size(); ++rule)
      for (std::size_t r = 0; r < kPolicyResults.size(); ++r)
        decisions.add({{"policy", view_.rules[rule]}, {"action", kPolicyResults[r]}},
                      sum([&](const WorkerCells& w) -> const Cell& { return w.rules[rule][r]; }));
  }

  void collect_deletions(Out& out) const {
    Family(out, MetricType::Counter, "postern_deletions_charged_total",
           "Messages that were charged to limits.deletions before a command could make them vanish.")
        .add({}, view_.deletions_charged);
    Family refused(
        out, MetricType::Counter, "postern_deletions_refused_total",
        "Commands that limits.deletions has refused; uncounted: nobody could say how many messages.");
    refused.add({{"reason", "limit"}}, view_.deletions_braked);
    refused.add({{"reason", "uncounted"}}, view_.deletions_uncounted);
  }

  void collect_upstreams(Out& out) const {
    Family active(out, MetricType::Gauge, "postern_upstream_connections_active",
                  "Connections to an upstream that serve a session.");
    for (std::size_t u = 0; u < view_.upstreams.size(); ++u)
      active.add({{"upstream", view_.upstreams[u]}},
                 sum_upstream(u, [](const UpstreamCells& c) -> const Cell& { return c.active; }));
    Family connects(out, MetricType::Counter, "postern_upstream_connects_total",
                    "Attempts to bring an upstream connection to the point of login, by result.");
    for (std::size_t u = 0; u < view_.upstreams.size(); ++u)
      for (std::size_t r = 0; r < kConnectResults.size(); ++r)
        connects.add({{"upstream", view_.upstreams[u]}, {"result", kConnectResults[r]}},
                     sum_upstream(u, [&](const UpstreamCells& c) -> const Cell& { return c.connects[r]; }));
    Family duration(out, MetricType::Histogram, "postern_upstream_connect_duration_seconds",
                    "Time until an upstream connection could take credentials.");
    for (std::size_t u = 0; u < view_.upstreams.size(); ++u)
      duration.add_histogram(
          {{"upstream", view_.upstreams[u]}}, view_.workers, [u](const WorkerCells& w) -> const auto& {
            return w.upstreams[u].connect_duration;
          });
    collect_health(out);
  }

  void collect_health(Out& out) const {
    Family up(out, MetricType::Gauge, "postern_upstream_endpoint_up",
              "1 if the last health checks of this endpoint succeeded.");
    for (const telemetry::EndpointMetric& e : view_.endpoints)
      up.add({{"upstream", e.upstream}, {"endpoint", e.endpoint}}, e.up ? 1.0 : 0.0);
    Family checks(out, MetricType::Counter, "postern_upstream_health_checks_total",
                  "Health checks of upstream endpoints, by result.");
    for (std::size_t u = 0; u < view_.upstreams.size(); ++u)
      for (std::size_t r = 0; r < kConnectResults.size(); ++r)
        checks.add({{"upstream", view_.upstreams[u]}, {"result", kConnectResults[r]}},
                   view_.main->health_checks[u][r].load());
  }

  void collect_loop(Out& out) const {
    Family(
        out, MetricType::Histogram, "postern_event_loop_lag_seconds",
        "How long a worker's loop was busy at a stretch, so how long a ready connection waited at the most.")
        .add_histogram(
            {}, view_.workers, [](const WorkerCells& w) -> const auto& { return w.loop_lag; });
  }

  void collect_reloads(Out& out) const {
    Family reloads(out, MetricType::Counter, "postern_config_reloads_total",
                   "Reloads of the configuration (signal) or of its certificates (file), by result.");
    for (std::size_t t = 0; t < telemetry::kReloadTriggerNames.size(); ++t)
      for (std::size_t r = 0; r < kReloadResults.size(); ++r)
        reloads.add({{"trigger", telemetry::kReloadTriggerNames[t]}, {"result", kReloadResults[r]}},
                    view_.main->reloads[t][r].load());
    Family(out, MetricType::Gauge, "postern_config_last_reload_successful",
           "0 if the running configuration is not the one on disk because that one is invalid.")
        .add({}, view_.main->last_reload_ok ? 1.0 : 0.0);
    Family(out, MetricType::Gauge, "postern_config_last_reload_success_timestamp_seconds",
           "When the running configuration was loaded, in seconds since the epoch.")
        .add({}, view_.main->last_reload_seconds);
  }

  void collect_log(Out& out) const {
    Family messages(out, MetricType::Counter, "postern_log_messages_total", "Log lines, by level.");
    for (std::size_t level = 0; level < view_.log_messages.size(); ++level)
      messages.add({{"level", std::string(name_of(static_cast<LogLevel>(level)))}},
                   view_.log_messages[level]);
    Family(out, MetricType::Counter, "postern_log_messages_dropped_total",
           "Log lines lost because their reader was too slow.")
        .add({}, view_.log_dropped);
  }

  static void collect_audit(Out& out, const audit::WriterStatus& audit) {
    const ClientMetric::Label sink{"sink", "file"};
    Family events(out, MetricType::Counter, "postern_audit_events_total",
                  "Records written into the audit trail, by event.");
    for (std::size_t i = 0; i < audit.events.size(); ++i)
      events.add({{"event", std::string(audit::event_name(i))}, sink}, audit.events[i]);
    Family dropped(
        out, MetricType::Counter, "postern_audit_events_dropped_total",
        "Records that the audit trail has not: the queue was full, or the file could not be written.");
    dropped.add({sink, {"reason", "queue_full"}}, audit.dropped_queue_full);
    dropped.add({sink, {"reason", "write_error"}}, audit.dropped_write_error);
    Family(out, MetricType::Gauge, "postern_audit_queue_length", "Records that wait to be written.")
        .add({sink}, audit.queue_length);
    Family(out, MetricType::Gauge, "postern_audit_queue_capacity", "Records that can wait, of all workers.")
        .add({sink}, audit.queue_capacity);
    Family(out, MetricType::Gauge, "postern_audit_sink_up", "1 while the audit trail can be written.")
        .add({sink}, audit.up ? 1.0 : 0.0);
    Family(out, MetricType::Histogram, "postern_audit_fsync_duration_seconds",
           "Time until what was written was on disk, each time for all who waited.")
        .add_histogram({sink}, audit::WriterStatus::kSyncBounds, audit.syncs, audit.sync_seconds);
    Family(out, MetricType::Gauge, "postern_audit_last_write_timestamp_seconds",
           "When the last record was written, in seconds since the epoch.")
        .add({sink}, audit.last_write_seconds);
    Family(out, MetricType::Gauge, "postern_audit_chain_sequence", "Sequence number of the last record.")
        .add({sink}, audit.sequence);
  }

  template <typename T>
  static void add_process(Out& out, MetricType type, const char* name, const char* help,
                          const std::optional<T>& value) {
    if (value) Family(out, type, name, help).add({}, static_cast<double>(*value));
  }

  void collect_process(Out& out) const {
    const ProcessStats& p = view_.process;
    add_process(out, MetricType::Counter, "process_cpu_seconds_total", "User and system CPU time in seconds.",
                p.cpu_seconds);
    add_process(out, MetricType::Gauge, "process_open_fds", "Open file descriptors.", p.open_fds);
    add_process(out, MetricType::Gauge, "process_max_fds", "Limit of open file descriptors.", p.max_fds);
    add_process(out, MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
                p.virtual_bytes);
    add_process(out, MetricType::Gauge, "process_virtual_memory_max_bytes",
                "Limit of virtual memory in bytes.", p.virtual_max_bytes);
    add_process(out, MetricType::Gauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
                p.resident_bytes);
    add_process(out, MetricType::Gauge, "process_start_time_seconds",
                "When the process started, in seconds since the epoch.", p.start_time_seconds);
    add_process(out, MetricType::Gauge, "process_threads", "Threads of the process.", p.threads);
  }

  const MetricsView& view_;
};

}  // namespace

std::string render_metrics(const MetricsView& view) {
  return prometheus::TextSerializer().Serialize(Collector(view).Collect());
}

}  // namespace postern::server
