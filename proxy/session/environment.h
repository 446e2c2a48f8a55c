// What a Session is made with: borrowed, immutable, and outliving it. The Relay holds the Snapshot and the
// UpstreamView that these point into.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "filters/chain.h"
#include "filters/filter.h"
#include "filters/user_rewrite.h"
#include "imap/capability.h"
#include "record/audit_trail.h"
#include "telemetry/cells.h"

namespace postern::session {

// What is said before login on one listener: made from the probed capabilities of the upstreams that its
// routes can lead to, once for each UpstreamView, never for a session.
struct Offer {
  std::string needs_tls;                // the capability list in clear on a STARTTLS listener
  std::string is_protected;             // inside TLS, or where clear text is allowed
  std::string is_certified;             // the same with AUTH=EXTERNAL; empty: no upstream has a master user
  std::vector<std::string> mechanisms;  // AUTH= names common to all candidates, in capitals
  bool plus_offered = false;            // an upstream lists SCRAM-…-PLUS (RFC 5802 §6)
  bool probed = false;                  // false: nothing is known yet; every mechanism is let through
};
// `has_master`: at least one of the upstreams can log in whom a client certificate has verified.
Offer make_offer(const std::vector<imap::CapabilityList>& candidates, const config::Settings& settings,
                 bool has_master = false);

struct Environment {
  const config::Settings* settings = nullptr;
  std::shared_ptr<const Offer> offer;
  std::shared_ptr<const filters::UserRewrite> user_rewrite = {};  // null: names go as they come
  telemetry::WorkerCells* cells = nullptr;
  const std::vector<std::size_t>* rule_slots = nullptr;  // by rule: its place in cells->rules; null: none
  filters::SessionFacts facts;
  std::string_view version = {};  // of this program, for rewrite.id: own; a constant
  std::uint64_t tag_seed = 0;     // random: the gateway's own tags towards the upstream cannot be guessed
  AuditTrail* audit = nullptr;    // null: nothing is recorded
};

}  // namespace postern::session
