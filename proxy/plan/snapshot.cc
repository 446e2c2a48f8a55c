#include "plan/snapshot.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "audit/trail/chain_key.h"
#include "audit/trail/disk.h"
#include "crypto/digest.h"
#include "filters/review/rule_check.h"

namespace postern::server {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kWarnDays = 14;

class Builder {
 public:
  Builder(Snapshot& snapshot, SnapshotResult& result, std::int64_t now_unix)
      : snapshot_(snapshot), result_(result), found_(result.found), now_(now_unix) {}

  void build(const std::shared_ptr<tls::TicketKeys>& tickets) {
    CellSlots& slots = result_.slots;
    if (snapshot_.settings.has_tls) add_server_context(tickets);
    add_user_rewrite();
    if (snapshot_.settings.audit.on()) try_audit_keys(snapshot_.settings.audit);
    for (const config::Upstream& upstream : snapshot_.settings.upstreams) {
      add_client_context(upstream);
      snapshot_.upstream_slots.push_back(
          slot_of(upstream, slots.upstreams, "too-many-upstreams", "upstreams"));
    }
    for (const config::Rule& rule : snapshot_.settings.rules)
      snapshot_.rule_slots.push_back(slot_of(rule, slots.rules, "too-many-rules", "names of rules"));
    add_findings(found_, check_rules(snapshot_.settings));
  }

  bool failed() const {
    return std::any_of(found_.begin(), found_.end(),
                       [](const config::Diagnostic& d) { return d.severity == config::Severity::Error; });
  }

 private:
  void add(config::Severity severity, std::string code, std::string message, const config::Mark& mark) {
    found_.push_back({severity, std::move(code), std::move(message), mark, ""});
  }

  void add_server_context(const std::shared_ptr<tls::TicketKeys>& tickets) {
    const config::Tls& settings = snapshot_.settings.tls;
    if (!settings.ticket_key_file.empty()) {
      if (auto keys = tls::TicketKeys::read(settings.ticket_key_file))
        result_.ticket_keys = *std::move(keys);
      else
        add(config::Severity::Error, "ticket-keys", keys.error().detail, settings.mark);
    }
    auto context = tls::ServerContext::make(settings, settings.session_tickets ? tickets : nullptr);
    if (!context) return locate(context.error());
    snapshot_.server_context = *std::move(context);
    for (const tls::CertificateInfo& info : snapshot_.server_context->certificates()) check_dates(info);
  }

  // Which certificate is it? If each is good alone, the fault is in the rest of the block.
  void locate(const Error& error) {
    const std::size_t before = found_.size();
    for (const config::Certificate& certificate : snapshot_.settings.tls.certificates) {
      const auto alone = tls::inspect(certificate);
      if (alone) continue;
      const std::string& detail = alone.error().detail;
      const bool is_key = detail.find(certificate.key) != std::string::npos &&
                          detail.find(certificate.cert) == std::string::npos;
      add(config::Severity::Error, "certificate", detail,
          is_key ? certificate.key_mark : certificate.cert_mark);
    }
    const config::ClientCertificates& clients = snapshot_.settings.tls.client_auth;
    const bool is_ca = !clients.ca.empty() && error.detail.find(clients.ca) != std::string::npos;
    if (found_.size() == before)
      add(config::Severity::Error, "tls", error.detail, is_ca ? clients.mark : snapshot_.settings.tls.mark);
  }

  void check_dates(const tls::CertificateInfo& info) {
    const auto& all = snapshot_.settings.tls.certificates;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.cert == info.path; });
    const config::Mark& mark = found == all.end() ? snapshot_.settings.tls.mark : found->cert_mark;
    const std::int64_t left = info.not_after_unix - now_;
    if (left <= 0)
      add(config::Severity::Warning, "certificate-expired", "the certificate " + info.path + " has expired",
          mark);
    else if (left < kWarnDays * kDay)
      add(config::Severity::Warning, "certificate-expires",
          "the certificate " + info.path + " expires in " + std::to_string(left / kDay) + " days", mark);
    if (info.not_before_unix > now_)
      add(config::Severity::Warning, "certificate-early",
          "the certificate " + info.path + " is not valid yet", mark);
  }

  void add_user_rewrite() {
    std::vector<filters::UserRewrite::Fault> faults;
    snapshot_.user_rewrite = filters::UserRewrite::make(snapshot_.settings.rewrite.user, faults);
    for (filters::UserRewrite::Fault& fault : faults)
      add(config::Severity::Error, "user-map", std::move(fault.message), fault.mark);
  }

  // The writer reads them at the start; here they are only tried. A key of the chain that has been taken is
  // in the trail's state, and its file may be gone.
  void try_audit_keys(const config::Audit& audit) {
    if (!audit.checkpoint_key_file.empty())
      if (auto key = tls::SigningKey::load(audit.checkpoint_key_file); !key)
        add(config::Severity::Error, "audit-key", key.error().detail, audit.mark);
    const auto disk = audit::make_posix_disk();
    if (audit.chain_key_file.empty() || !disk->identity(audit.chain_key_file)) return;
    if (auto key = audit::read_chain_key(*disk, audit.chain_key_file); !key)
      add(config::Severity::Error, "audit-key", key.error().detail, audit.mark);
  }

  void add_client_context(const config::Upstream& upstream) {
    auto& context = snapshot_.client_contexts.emplace_back();
    if (upstream.tls == config::UpstreamTls::Off) return;
    auto made = tls::ClientContext::make(upstream);
    if (made)
      context = *std::move(made);
    else
      add(config::Severity::Error, "upstream-tls", made.error().detail, upstream.mark);
  }

  // Where an upstream or a rule is counted.
  template <typename Named>
  std::size_t slot_of(const Named& named, NameSlots& slots, const char* code, const char* what) {
    const auto slot = slots.slot_of(named.name);
    if (!slot)
      add(config::Severity::Error, code,
          std::string("too many new ") + what + " since the start: restart required", named.mark);
    return slot.value_or(0);
  }

  Snapshot& snapshot_;
  SnapshotResult& result_;
  std::vector<config::Diagnostic>& found_;
  std::int64_t now_;
};

bool same_address(const config::HostPort& a, const config::HostPort& b) noexcept {
  return a.host == b.host && a.port == b.port;
}

bool same_sockets(const std::vector<config::Listener>& a, const std::vector<config::Listener>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && same_address(x.address, y.address);
  });
}

}  // namespace

std::optional<std::size_t> NameSlots::slot_of(const std::string& name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  if (names_.size() == capacity_) return std::nullopt;
  names_.push_back(name);
  return names_.size() - 1;
}

SnapshotResult make_snapshot(config::Settings settings, std::shared_ptr<tls::TicketKeys> tickets,
                             const CellSlots& slots, std::int64_t now_unix) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->settings = std::move(settings);
  if (!snapshot->settings.rules.empty())
    snapshot->policy = std::make_shared<const filters::Policy>(snapshot->settings);
  SnapshotResult result{nullptr, slots, nullptr, {}};
  Builder builder(*snapshot, result, now_unix);
  builder.build(tickets);
  if (!builder.failed()) result.snapshot = std::move(snapshot);
  return result;
}

void add_findings(std::vector<config::Diagnostic>& found, std::vector<config::Diagnostic> more) {
  std::move(more.begin(), more.end(), std::back_inserter(found));
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.mark.line, a.mark.column) < std::tie(b.mark.line, b.mark.column);
  });
}

std::vector<std::string> keep_what_needs_a_restart(config::Settings& wanted,
                                                   const config::Settings& running) {
  std::vector<std::string> kept;
  if (!same_sockets(wanted.listeners, running.listeners)) {
    kept.emplace_back("listeners");
    wanted.listeners = running.listeners;
    if (!wanted.has_tls && running.has_tls) {  // they may need it
      wanted.has_tls = true;
      wanted.tls = running.tls;
    }
  }
  if (wanted.has_status != running.has_status ||
      (wanted.has_status && !same_address(wanted.status, running.status))) {
    kept.emplace_back("status.address");
    wanted.has_status = running.has_status;
    wanted.status = running.status;
  }
  const auto keep = [&kept](const char* key, auto& is_wanted, const auto& runs) {
    if (is_wanted == runs) return;
    kept.emplace_back(key);
    is_wanted = runs;
  };
  keep("workers", wanted.workers, running.workers);
  keep("user", wanted.user, running.user);
  keep("audit.file", wanted.audit.file, running.audit.file);
  keep("audit.durability", wanted.audit.durability, running.audit.durability);
  keep("audit.chain", wanted.audit.chain, running.audit.chain);
  keep("audit.chain_key_file", wanted.audit.chain_key_file, running.audit.chain_key_file);
  keep("audit.checkpoint_key_file", wanted.audit.checkpoint_key_file, running.audit.checkpoint_key_file);
  return kept;
}

}  // namespace postern::server
