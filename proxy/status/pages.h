// The probes of the status listener as values: what is true of the process, and what is answered then. Pure.
//
// /livez: the main loop turns, nothing else; a restart would help against nothing that is checked elsewhere.
// /startupz: all listeners are open. /readyz: they are open, the process is not about to end, and what must
// be recorded in the audit trail can be: without it logins are refused (audit.on_failure: deny). An upstream
// that is down is shown by ?verbose and does not make the gateway unready: it answers logins by NO
// [UNAVAILABLE], which clients understand, while an unready gateway would only be a refused connection.
#pragma once

#include <string>
#include <vector>

#include "status/http.h"
#include "status/metrics.h"

namespace postern::server {

struct Conditions {
  bool started = false;
  bool draining = false;
  bool last_reload_ok = true;
  std::vector<telemetry::EndpointMetric> endpoints;
  bool audited = false;
  bool audit_up = true;          // the trail can be written
  bool audit_is_needed = false;  // audit.on_failure: deny

  bool audit_allows() const noexcept { return audit_up || !audit_is_needed; }
  bool ready() const noexcept { return started && !draining && audit_allows(); }
};

HttpResponse livez_page();
HttpResponse startupz_page(const Conditions& conditions);
HttpResponse readyz_page(const Conditions& conditions, bool verbose);

// Whether a query asks for it: `verbose` or `verbose=…`.
bool asks_verbose(const std::string& query);

}  // namespace postern::server
