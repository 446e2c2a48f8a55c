// What the sessions of a worker ask and wait for, answered at once, or by the trail of a test.
// Single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "session/ask.h"

namespace postern::net {

class FakeServices final : public Services {
 public:
  FakeServices(Ledger& given, AuditTrail& records) : ledger(given), trail(records) {}
  std::optional<asked::Answer> ask(Asker& who, std::uint64_t id, asked::Question question) override {
    if (const auto* seat = std::get_if<asked::Seat>(&question)) {
      std::shared_ptr<UserSeat> found = ledger.seat_user(seat->user);
      return asked::Answer{found != nullptr, found};
    }
    auto& record = std::get<asked::Record>(question);
    const AuditAnswer answer = trail.write_ahead(who, id, std::move(record.intent), record.outcome);
    if (answer == AuditAnswer::Waiting) return std::nullopt;
    return asked::Answer{answer == AuditAnswer::Granted, {}};
  }
  void forget(Asker& who, std::uint64_t id, std::unique_ptr<audit::Record> instead) override {
    trail.forget(who, id, std::move(instead));
  }
  Ledger& ledger;
  AuditTrail& trail;
};

}  // namespace postern::net
