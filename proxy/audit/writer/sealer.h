// Records become lines here: numbered, redacted, chained. Owns all that the next line depends on. The
// writer's thread alone; only the counts are read by others.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "audit/trail/chain.h"
#include "audit/trail/json.h"
#include "audit/trail/redaction.h"
#include "record/audit_record.h"

namespace postern::audit {

class Sealer {
 public:
  struct Options {
    std::string node;
    std::string instance;
    bool chained = true;
    std::optional<tls::SigningKey> signing_key{};
  };
  Sealer(Options options, Chain chain, const Secret& redaction_key, Redaction::Kinds kinds);

  // Appends the record's line. A record of the process without a number gets one; one without a time gets
  // the present.
  void seal(std::string& out, Record& record);
  // Appends an audit.checkpoint and goes on with the next epoch's key. With chain: false only the
  // count begins anew.
  void checkpoint(std::string& out);
  void set_kinds(Redaction::Kinds kinds) noexcept { redaction_.set_kinds(kinds); }

  const Chain& chain() const noexcept { return chain_; }
  bool chained() const noexcept { return options_.chained; }
  // Records since the last checkpoint.
  std::uint64_t uncovered() const noexcept { return uncovered_; }

  std::uint64_t events(std::size_t event) const noexcept {  // any thread
    return events_[event].load(std::memory_order_relaxed);
  }

 private:
  Options options_;
  Chain chain_;
  Redaction redaction_;
  std::uint64_t own_number_ = 0;
  std::uint64_t uncovered_ = 0;
  std::array<std::atomic<std::uint64_t>, kEvents> events_{};
};

// The writer's own records.
Record own_record(Body body, Outcome outcome = Outcome::Success);

}  // namespace postern::audit
