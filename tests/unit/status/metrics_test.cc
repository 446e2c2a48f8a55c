#include "status/metrics.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "imap/verb.h"

namespace postern::server {
namespace {

using telemetry::index_of;

// A gateway with two listeners, one upstream and two workers.
struct Gateway {
  Gateway() {
    for (auto& worker : workers) {
      worker.listeners.resize(2);
      worker.upstreams.resize(1);
      worker.rules.resize(1);
    }
    main.health_checks.resize(1);
    view.version = "0.1.0";
    view.revision = "abc1234";
    view.openssl = "OpenSSL 3.0.0";
    view.listeners = {"imaps", "imap \"x\"\n"};
    view.upstreams = {"mail"};
    view.rules = {"keep-the-archive"};
    view.workers = {&workers[0], &workers[1]};
    view.main = &main;
    view.endpoints = {{"mail", "127.0.0.1:10143", true}, {"mail", "127.0.0.1:10144", false}};
    view.certificates = {{"/etc/postern/tls/tls.crt", 1'800'000'000}};
    view.audit.emplace();
    view.process = read_process_stats();
  }
  std::string text() const { return render_metrics(view); }
  bool has(const std::string& line) const {
    return ("\n" + text()).find("\n" + line + "\n") != std::string::npos;
  }

  std::array<telemetry::WorkerCells, 2> workers;
  telemetry::MainCells main;
  MetricsView view;
};

std::set<std::string> families(const std::string& text) {
  std::set<std::string> names;
  std::istringstream lines(text);
  std::string word;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (words >> word && word == "#" && words >> word && word == "TYPE" && words >> word) names.insert(word);
  }
  return names;
}

TEST(Metrics, HaveTheNamesThatAreDocumented) {
  const std::set<std::string> expected{
      "postern_audit_chain_sequence",
      "postern_audit_events_dropped_total",
      "postern_audit_events_total",
      "postern_audit_fsync_duration_seconds",
      "postern_audit_last_write_timestamp_seconds",
      "postern_audit_queue_capacity",
      "postern_audit_queue_length",
      "postern_audit_sink_up",
      "postern_auth_attempts_total",
      "postern_auth_throttled_total",
      "postern_buffered_bytes",
      "postern_build_info",
      "postern_commands_total",
      "postern_config_last_reload_success_timestamp_seconds",
      "postern_config_last_reload_successful",
      "postern_config_reloads_total",
      "postern_connections_accepted_total",
      "postern_connections_active",
      "postern_connections_rejected_total",
      "postern_deletions_charged_total",
      "postern_deletions_refused_total",
      "postern_draining",
      "postern_event_loop_lag_seconds",
      "postern_log_messages_dropped_total",
      "postern_log_messages_total",
      "postern_parse_errors_total",
      "postern_policy_decisions_total",
      "postern_proxy_protocol_errors_total",
      "postern_ready",
      "postern_received_bytes_total",
      "postern_sent_bytes_total",
      "postern_sessions_active",
      "postern_sessions_closed_total",
      "postern_starttls_total",
      "postern_tls_certificate_expiry_timestamp_seconds",
      "postern_tls_handshake_duration_seconds",
      "postern_tls_handshake_failures_total",
      "postern_tls_handshakes_total",
      "postern_upstream_connect_duration_seconds",
      "postern_upstream_connections_active",
      "postern_upstream_connects_total",
      "postern_upstream_endpoint_up",
      "postern_upstream_health_checks_total",
      "process_cpu_seconds_total",
      "process_max_fds",
      "process_open_fds",
      "process_resident_memory_bytes",
      "process_start_time_seconds",
      "process_threads",
      "process_virtual_memory_bytes",
  };
  std::set<std::string> found = families(Gateway().text());
  found.erase("process_virtual_memory_max_bytes");  // only where there is a limit
  EXPECT_EQ(found, expected);
}

TEST(Metrics, ShowTheBrake) {
  Gateway gateway;
  EXPECT_TRUE(gateway.has("postern_deletions_refused_total{reason=\"uncounted\"} 0"));
  gateway.view.deletions_charged = 30;
  gateway.view.deletions_braked = 2;
  gateway.view.deletions_uncounted = 1;
  EXPECT_TRUE(gateway.has("postern_deletions_charged_total 30"));
  EXPECT_TRUE(gateway.has("postern_deletions_refused_total{reason=\"limit\"} 2"));
  EXPECT_TRUE(gateway.has("postern_deletions_refused_total{reason=\"uncounted\"} 1"));
}

TEST(Metrics, StartAtZeroWithAllLabels) {
  const Gateway gateway;
  EXPECT_TRUE(
      gateway.has("postern_connections_rejected_total{listener=\"imaps\",reason=\"client_limit\"} 0"));
  EXPECT_TRUE(gateway.has("postern_commands_total{command=\"FETCH\",result=\"denied\"} 0"));
  EXPECT_TRUE(gateway.has("postern_commands_total{command=\"OTHER\",result=\"ok\"} 0"));
  EXPECT_TRUE(gateway.has("postern_sessions_closed_total{listener=\"imaps\",reason=\"idle_timeout\"} 0"));
  EXPECT_TRUE(gateway.has("postern_sessions_active{listener=\"imaps\",state=\"unauthenticated\"} 0"));
  EXPECT_TRUE(gateway.has("postern_parse_errors_total{side=\"upstream\",reason=\"syntax\"} 0"));
  EXPECT_TRUE(
      gateway.has("postern_connections_rejected_total{listener=\"imaps\",reason=\"proxy_protocol\"} 0"));
  for (const char* reason : {"untrusted", "malformed", "checksum", "timeout", "closed"})
    EXPECT_TRUE(gateway.has(std::string("postern_proxy_protocol_errors_total{listener=\"imaps\",reason=\"") +
                            reason + "\"} 0"));
  EXPECT_TRUE(
      gateway.has("postern_tls_handshakes_total{side=\"client\",mode=\"starttls\",version=\"TLSv1.3\","
                  "resumed=\"true\"} 0"));
  EXPECT_TRUE(gateway.has("postern_config_reloads_total{trigger=\"signal\",result=\"failed\"} 0"));
  EXPECT_TRUE(gateway.has(
      "postern_auth_attempts_total{listener=\"imaps\",mechanism=\"plain\",result=\"failure\"} 0"));
}

TEST(Metrics, AddUpTheWorkers) {
  Gateway gateway;
  gateway.workers[0].listeners[0].accepted.add(3);
  gateway.workers[1].listeners[0].accepted.add(4);
  gateway.workers[0].side(Side::Client).received_bytes.add(1000);
  gateway.workers[1].side(Side::Client).received_bytes.add(24);
  gateway.workers[1]
      .commands[static_cast<std::size_t>(imap::Verb::Fetch)][index_of(telemetry::CommandResult::Ok)]
      .add(7);
  gateway.workers[0].listeners[0].active.add(5);
  gateway.workers[0].listeners[0].active.sub(2);
  EXPECT_TRUE(gateway.has("postern_connections_accepted_total{listener=\"imaps\"} 7"));
  EXPECT_TRUE(gateway.has("postern_connections_active{listener=\"imaps\"} 3"));
  EXPECT_TRUE(gateway.has("postern_received_bytes_total{side=\"client\"} 1024"));
  EXPECT_TRUE(gateway.has("postern_sent_bytes_total{side=\"client\"} 0"));
  EXPECT_TRUE(gateway.has("postern_commands_total{command=\"FETCH\",result=\"ok\"} 7"));
}

TEST(Metrics, HistogramsAreCumulative) {
  Gateway gateway;
  gateway.workers[0].upstreams[0].connect_duration.observe(std::chrono::milliseconds(2));
  gateway.workers[1].upstreams[0].connect_duration.observe(std::chrono::milliseconds(3));
  gateway.workers[1].upstreams[0].connect_duration.observe(std::chrono::seconds(7));
  const std::string name = "postern_upstream_connect_duration_seconds";
  EXPECT_TRUE(gateway.has(name + "_bucket{upstream=\"mail\",le=\"0.001\"} 0"));
  EXPECT_TRUE(gateway.has(name + "_bucket{upstream=\"mail\",le=\"0.005\"} 2"));
  EXPECT_TRUE(gateway.has(name + "_bucket{upstream=\"mail\",le=\"5\"} 2"));
  EXPECT_TRUE(gateway.has(name + "_bucket{upstream=\"mail\",le=\"+Inf\"} 3"));
  EXPECT_TRUE(gateway.has(name + "_count{upstream=\"mail\"} 3"));
  EXPECT_TRUE(gateway.has(name + "_sum{upstream=\"mail\"} 7.005"));
}

TEST(Metrics, ShowEndpointsCertificatesAndReloads) {
  Gateway gateway;
  gateway.main.reloads[index_of(telemetry::ReloadTrigger::File)][index_of(telemetry::ReloadResult::Ok)].add();
  gateway.main.health_checks[0][index_of(telemetry::ConnectResult::Refused)].add(2);
  gateway.main.last_reload_ok = false;
  gateway.view.ready = true;
  EXPECT_TRUE(gateway.has("postern_upstream_endpoint_up{upstream=\"mail\",endpoint=\"127.0.0.1:10143\"} 1"));
  EXPECT_TRUE(gateway.has("postern_upstream_endpoint_up{upstream=\"mail\",endpoint=\"127.0.0.1:10144\"} 0"));
  EXPECT_TRUE(gateway.has("postern_upstream_health_checks_total{upstream=\"mail\",result=\"refused\"} 2"));
  EXPECT_TRUE(
      gateway.has("postern_tls_certificate_expiry_timestamp_seconds{certificate=\"/etc/postern/tls/"
                  "tls.crt\"} 1800000000"));
  EXPECT_TRUE(gateway.has("postern_config_reloads_total{trigger=\"file\",result=\"ok\"} 1"));
  EXPECT_TRUE(gateway.has("postern_config_last_reload_successful 0"));
  EXPECT_TRUE(gateway.has("postern_ready 1"));
  EXPECT_TRUE(
      gateway.has("postern_build_info{version=\"0.1.0\",revision=\"abc1234\",openssl=\"OpenSSL 3.0.0\"} 1"));
}

TEST(Metrics, ShowTheAuditTrail) {
  Gateway gateway;
  audit::WriterStatus& audit = *gateway.view.audit;
  const auto has = [&](const std::string& line) { EXPECT_TRUE(gateway.has(line)) << line; };
  for (std::size_t i = 0; i < audit::kEvents; ++i)
    has("postern_audit_events_total{event=\"" + std::string(audit::event_name(i)) + "\",sink=\"file\"} 0");
  has("postern_audit_sink_up{sink=\"file\"} 1");
  audit.events[0] = 7;
  audit.dropped_queue_full = 2;
  audit.dropped_write_error = 3;
  audit.up = false;
  audit.queue_length = 4;
  audit.queue_capacity = 4096;
  audit.sequence = 70;
  audit.last_write_seconds = 1'800'000'000;
  audit.syncs[0] = 5;
  audit.syncs.back() = 1;
  audit.sync_seconds = 3;
  has("postern_audit_events_total{event=\"" + std::string(audit::event_name(0)) + "\",sink=\"file\"} 7");
  has("postern_audit_events_dropped_total{sink=\"file\",reason=\"queue_full\"} 2");
  has("postern_audit_events_dropped_total{sink=\"file\",reason=\"write_error\"} 3");
  has("postern_audit_sink_up{sink=\"file\"} 0");
  has("postern_audit_queue_length{sink=\"file\"} 4");
  has("postern_audit_queue_capacity{sink=\"file\"} 4096");
  has("postern_audit_chain_sequence{sink=\"file\"} 70");
  has("postern_audit_last_write_timestamp_seconds{sink=\"file\"} 1800000000");
  has("postern_audit_fsync_duration_seconds_bucket{sink=\"file\",le=\"0.0005\"} 5");
  has("postern_audit_fsync_duration_seconds_bucket{sink=\"file\",le=\"2\"} 5");
  has("postern_audit_fsync_duration_seconds_bucket{sink=\"file\",le=\"+Inf\"} 6");
  has("postern_audit_fsync_duration_seconds_count{sink=\"file\"} 6");
  has("postern_audit_fsync_duration_seconds_sum{sink=\"file\"} 3");
  gateway.view.audit.reset();
  EXPECT_EQ(gateway.text().find("postern_audit_"), std::string::npos) << "it is off";
}

TEST(Metrics, EscapeLabelValues) {
  EXPECT_TRUE(Gateway().has("postern_connections_accepted_total{listener=\"imap \\\"x\\\"\\n\"} 0"));
}

// Debian's package prometheus; it exits with 3 where a name or a help text breaks the conventions.
TEST(Metrics, PassPromtool) {
  FILE* promtool = popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = Gateway().text();
  EXPECT_EQ(fwrite(text.data(), 1, text.size(), promtool), text.size());
  EXPECT_EQ(pclose(promtool), 0);
}

}  // namespace
}  // namespace postern::server
