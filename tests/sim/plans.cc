#include "sim/plans.h"

#include <memory>
#include <utility>

namespace postern::sim {
namespace {

void add_rules(config::Settings& settings) {
  config::Rule archive;
  archive.action = config::RuleAction::ReadOnly;
  archive.when.mailboxes = {{"Archive/**", false, {}}};
  config::Rule all;
  all.action = config::RuleAction::Organise;
  settings.rules = {std::move(archive), std::move(all)};
}

// Otherwise a filter stands in for it.
void add_audit(config::Settings& settings) {
  settings.audit.file = "audit.log";
  settings.audit.events = config::audited::kDestructive | config::audited::kWrite | config::audited::kPolicy;
}

}  // namespace

bool has_rules(std::uint64_t number) { return number % 3 == 0; }
std::string server_of(std::uint64_t number) { return "mail" + std::to_string(number) + ".example:143"; }

server::Published make_published(std::uint64_t seed, std::uint64_t number) {
  auto snapshot = std::make_shared<server::Snapshot>();
  config::Settings& settings = snapshot->settings;
  settings.limits.buffer = 32 * 1024;
  config::Timeouts& timeouts = settings.limits.timeouts;
  timeouts.idle = timeouts.upstream_silence = timeouts.stalled = timeouts.count = kPeersTime;
  if (has_rules(number)) add_rules(settings);
  if (seed % 2 == 0) add_audit(settings);
  settings.upstreams.resize(1);
  settings.upstreams[0].name = "mail";
  if (!settings.rules.empty()) snapshot->policy = std::make_shared<const filters::Policy>(settings);
  snapshot->client_contexts.resize(1);
  snapshot->upstream_slots = {0};
  auto view = std::make_shared<server::UpstreamView>();
  server::EndpointView& server = view->upstreams.emplace_back().endpoints.emplace_back();
  server.endpoint.text = server.address_text = server_of(number);
  return {std::move(snapshot), std::move(view)};
}

}  // namespace postern::sim
