// What a session asks of the gateway's own services, and has to wait for: one question at a time, answered at
// once, later, or never. The session itself bounds the wait, by the question's terms; every question fails
// closed. An answer that comes when nobody waits for it any more is let go of, and what it grants with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/error_code.h"
#include "base/seats.h"
#include "base/time.h"
#include "record/audit_record.h"
#include "record/audit_trail.h"

namespace postern {
namespace asked {

// May a command go? `intent` is to be on disk first; without one only room is waited for, and without
// `outcome`, room for the record that follows, nothing but a word.
struct Record {
  std::unique_ptr<audit::Record> intent = {};
  bool outcome = false;
};
// One more session of this user, whom the upstream has accepted; empty: its name is hidden.
struct Seat {
  std::string user;
};
using Question = std::variant<Record, Seat>;

struct Answer {
  bool granted = false;
  std::shared_ptr<UserSeat> seat = {};  // to Seat, if granted
};

// How long a session waits, and what its client is refused by if no answer has come then.
struct Terms {
  Duration within{};
  ErrorCode otherwise = ErrorCode::Ok;
};
inline constexpr Terms kRecordTerms{std::chrono::seconds(10), ErrorCode::HoldExpired};
inline constexpr Terms kSeatTerms{std::chrono::seconds(10), ErrorCode::HoldExpired};
inline const Terms& terms_of(const Question& question) noexcept {
  return std::holds_alternative<Record>(question) ? kRecordTerms : kSeatTerms;
}

}  // namespace asked

// Who waits for an answer. Never called from within ask().
class Asker : public AuditWaiter {
 public:
  virtual void answered(std::uint64_t id, asked::Answer answer) noexcept = 0;

 private:
  void recorded(std::uint64_t hold, bool granted) noexcept final { answered(hold, {granted, {}}); }
};

// What answers: one object for each worker, used on its thread alone; nothing here blocks.
class Services {
 public:
  virtual ~Services() = default;
  // Nothing: later, `who` is told by the id, once.
  virtual std::optional<asked::Answer> ask(Asker& who, std::uint64_t id, asked::Question question) = 0;
  // It no longer waits: no answer is wanted. `instead`: the outcome of an intent that may be on its way to
  // the disk all the same.
  virtual void forget(Asker& who, std::uint64_t id, std::unique_ptr<audit::Record> instead) = 0;
};

}  // namespace postern
