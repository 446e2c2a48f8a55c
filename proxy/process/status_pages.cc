// What the status listener is told: the process as it is now.
#include <cstdint>

#include "process/server.h"
#include "telemetry/version.h"
#include "tls/context.h"

namespace postern::server {

void Server::add_pages() {
  pages_.get("/metrics", [this](const HttpRequest&) {
    return HttpResponse{200, kMetricsContentType, metrics()};
  });
  pages_.get("/livez", [](const HttpRequest&) { return livez_page(); });
  pages_.get("/readyz", [this](const HttpRequest& request) { return answer_ready(request); });
  pages_.get("/startupz", [this](const HttpRequest&) { return startupz_page(conditions()); });
}

HttpResponse Server::answer_ready(const HttpRequest& request) {
  ready_asked_ms_ = uv_now(&loop_);
  const Conditions now = conditions();
  if (now.ready()) ++ready_answers_;
  return readyz_page(now, asks_verbose(request.query));
}

Conditions Server::conditions() const {
  Conditions now{started_, draining_, cells_.last_reload_ok, upstreams_->metrics()};
  now.audited = trail_ != nullptr;
  now.audit_up = !now.audited || trail_->status().up;
  now.audit_is_needed = settings().audit.on_failure == config::OnAuditFailure::Deny;
  return now;
}

std::string Server::metrics() const {
  MetricsView view;
  view.version = version();
  view.revision = revision();
  view.openssl = tls::library_version();
  for (const config::Listener& listener : settings().listeners) view.listeners.push_back(listener.name);
  view.upstreams = reloader_.slots().upstreams.names();
  view.rules = reloader_.slots().rules.names();
  for (const auto& worker : workers_) view.workers.push_back(&worker->counted());
  view.main = &cells_;
  view.endpoints = upstreams_->metrics();
  if (const auto& context = reloader_.running()->server_context)
    for (const tls::CertificateInfo& info : context->certificates())
      view.certificates.push_back({info.path, static_cast<double>(info.not_after_unix)});
  for (std::size_t level = 0; level < view.log_messages.size(); ++level)
    view.log_messages[level] = log_->messages(static_cast<LogLevel>(level));
  view.log_dropped = log_->dropped();
  view.throttled_networks = ledger_->refused_networks();
  view.throttled_users = ledger_->refused_users();
  view.deletions_charged = ledger_->accounts().charged();
  view.deletions_braked = ledger_->accounts().braked();
  view.deletions_uncounted = ledger_->accounts().uncounted();
  if (trail_) view.audit = trail_->status();
  view.ready = conditions().ready();
  view.draining = draining_;
  view.process = read_process_stats();
  return render_metrics(view);
}

}  // namespace postern::server
