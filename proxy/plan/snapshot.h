// Everything that a session takes from the configuration, made in one piece and never altered: settings and
// TLS contexts. Built by the main thread, off the data path; published to the workers; a session holds its
// own to its end. A reload makes a new one or, on any error, none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/settings.h"
#include "filters/policy.h"
#include "filters/user_rewrite.h"
#include "tls/context.h"

namespace postern::server {

struct Snapshot {
  config::Settings settings;
  std::shared_ptr<const filters::Policy> policy;             // null without rules
  std::shared_ptr<const filters::UserRewrite> user_rewrite;  // null where names go as they come
  std::shared_ptr<const tls::ServerContext> server_context;  // null without TLS
  std::vector<std::shared_ptr<const tls::ClientContext>>
      client_contexts;                      // by upstream; null where TLS is off
  std::vector<std::size_t> upstream_slots;  // by upstream: its place in WorkerCells::upstreams
  std::vector<std::size_t> rule_slots;      // by rule: its place in WorkerCells::rules
};

// Which cells belong to which upstream or rule, by name, for the life of the process: cells cannot be added
// while workers count, so there are some to spare for those that a reload brings.
class NameSlots {
 public:
  explicit NameSlots(std::size_t capacity) : capacity_(capacity) {}
  // Nothing if all slots are taken.
  std::optional<std::size_t> slot_of(const std::string& name);
  std::size_t capacity() const noexcept { return capacity_; }
  const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::size_t capacity_;
  std::vector<std::string> names_;
};

struct CellSlots {
  static constexpr std::size_t kSpareUpstreams = 32;
  static constexpr std::size_t kSpareRules = 256;

  // As many as there are at the start, and those to spare.
  explicit CellSlots(std::size_t upstreams_at_start, std::size_t rules_at_start = 0)
      : upstreams(upstreams_at_start + kSpareUpstreams), rules(rules_at_start + kSpareRules) {}

  NameSlots upstreams;
  NameSlots rules;
};

struct SnapshotResult {
  std::shared_ptr<const Snapshot> snapshot;  // null if there are errors
  // What goes with it, in use from then on.
  CellSlots slots;
  std::shared_ptr<const tls::TicketKeys::Ring> ticket_keys;  // of the file; null: none is named
  std::vector<config::Diagnostic> found;  // with the place in the file; warnings do not hinder
};

// Opens and verifies every certificate, key and CA, and changes nothing: neither `tickets`, which the
// contexts will take their keys from and which may be null, nor `slots`, those that are taken so far.
// `now_unix` is compared with the certificates' dates.
SnapshotResult make_snapshot(config::Settings settings, std::shared_ptr<tls::TicketKeys> tickets,
                             const CellSlots& slots, std::int64_t now_unix);

// Adds what was found later, in the order of the file.
void add_findings(std::vector<config::Diagnostic>& found, std::vector<config::Diagnostic> more);

// What of `wanted` cannot be had without a restart: taken back to what `running` has, and named.
std::vector<std::string> keep_what_needs_a_restart(config::Settings& wanted, const config::Settings& running);

}  // namespace postern::server
