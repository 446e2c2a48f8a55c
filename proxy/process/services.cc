#include "process/services.h"

#include <utility>

namespace postern::server {

std::optional<asked::Answer> WorkerServices::ask(Asker& who, std::uint64_t id, asked::Question question) {
  if (const auto* seat = std::get_if<asked::Seat>(&question)) {
    std::shared_ptr<UserSeat> found = ledger_.seat_user(seat->user);
    const bool granted = found != nullptr;
    return asked::Answer{granted, std::move(found)};
  }
  if (trail_ == nullptr) return asked::Answer{};
  auto& record = std::get<asked::Record>(question);
  const AuditAnswer answer = trail_->write_ahead(who, id, std::move(record.intent), record.outcome);
  if (answer == AuditAnswer::Waiting) return std::nullopt;
  return asked::Answer{answer == AuditAnswer::Granted, {}};
}

void WorkerServices::forget(Asker& who, std::uint64_t id, std::unique_ptr<audit::Record> instead) {
  if (trail_ != nullptr) trail_->forget(who, id, std::move(instead));
}

}  // namespace postern::server
