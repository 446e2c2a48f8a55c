// What a worker's sessions ask and wait for: the audit trail for records, the Ledger for seats. Owned by its
// Worker, used on the worker's thread only.
#pragma once

#include "session/ask.h"

namespace postern::server {

class WorkerServices final : public Services {
 public:
  explicit WorkerServices(Ledger& ledger) noexcept : ledger_(ledger) {}
  // Null: nothing is recorded, and a Record is refused.
  void set_trail(AuditTrail* trail) noexcept { trail_ = trail; }

  std::optional<asked::Answer> ask(Asker& who, std::uint64_t id, asked::Question question) override;
  void forget(Asker& who, std::uint64_t id, std::unique_ptr<audit::Record> instead) override;

 private:
  Ledger& ledger_;
  AuditTrail* trail_ = nullptr;
};

}  // namespace postern::server
