#include "status/pages.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace postern::server {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr int kUnavailable = 503;

HttpResponse page(bool good, std::string body) { return {good ? 200 : kUnavailable, kText, std::move(body)}; }

void add_check(std::string& body, bool good, std::string_view name, std::string_view problem) {
  body += good ? "[+]" : "[-]";
  body += name;
  body += good ? " ok\n" : " failed: ";
  if (good) return;
  body += problem;
  body += '\n';
}

// For information: these do not decide.
void add_fact(std::string& body, bool good, const std::string& name) {
  body += good ? "[+]" : "[ ]";
  body += name;
  body += good ? " ok\n" : " not ok, readiness does not depend on it\n";
}

const char* in_a_word(const Conditions& conditions) {
  if (conditions.ready()) return "ok\n";
  if (conditions.draining) return "draining\n";
  return conditions.started ? "audit\n" : "starting\n";
}

}  // namespace

HttpResponse livez_page() { return page(true, "ok\n"); }

HttpResponse startupz_page(const Conditions& conditions) {
  return page(conditions.started, conditions.started ? "ok\n" : "starting\n");
}

HttpResponse readyz_page(const Conditions& conditions, bool verbose) {
  const bool ready = conditions.ready();
  if (!verbose) return page(ready, in_a_word(conditions));
  std::string body;
  add_check(body, conditions.started, "listeners", "not open yet");
  add_check(body, !conditions.draining, "not-draining", "the process is about to end");
  if (conditions.audited && conditions.audit_is_needed)
    add_check(body, conditions.audit_up, "audit", "the trail cannot be written, so logins are refused");
  if (conditions.audited && !conditions.audit_is_needed) add_fact(body, conditions.audit_up, "audit");
  add_fact(body, conditions.last_reload_ok, "last-reload");
  for (const telemetry::EndpointMetric& endpoint : conditions.endpoints)
    add_fact(body, endpoint.up, "upstream " + endpoint.upstream + " " + endpoint.endpoint);
  body += ready ? "readyz check passed\n" : "readyz check failed\n";
  return page(ready, std::move(body));
}

bool asks_verbose(const std::string& query) {
  constexpr std::string_view kVerbose = "verbose";
  for (std::size_t at = 0; at <= query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view item = std::string_view(query).substr(at, end - at);
    if (item.substr(0, item.find('=')) == kVerbose) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace postern::server
