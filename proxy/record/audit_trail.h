// Where a worker's sessions leave their records, and how they wait until one is on disk. One object for each
// worker, used on its thread alone; nothing here blocks. Implemented by audit::Port over the worker's ring;
// tests and the simulator bring their own.
//
// A command whose outcome will be recorded takes room for that record before it is forwarded, so that no
// outcome is ever lost to a full ring. Room is taken by reserve() or write_ahead(), and used by
// write(…, Room::Reserved) or given back.
#pragma once

#include <cstdint>
#include <memory>

#include "record/audit_record.h"

namespace postern {

enum class AuditRoom : std::uint8_t { Ordinary, Reserved };
enum class AuditAnswer : std::uint8_t { Granted, Refused, Waiting };

// Who waits for a record to be on disk. Never called from within write_ahead(). Not granted: nothing is
// reserved any more, and the intent may be in the trail all the same.
class AuditWaiter {
 public:
  virtual ~AuditWaiter() = default;
  virtual void recorded(std::uint64_t hold, bool granted) noexcept = 0;
};

class AuditTrail {
 public:
  virtual ~AuditTrail() = default;

  // False: what must be recorded cannot be now (the file cannot be written, on_failure: deny).
  virtual bool writable() const noexcept = 0;

  // Room for one more record. False: the ring is full, or not writable(). With on_failure: allow it is never
  // false; what then finds no room is dropped and counted.
  virtual bool reserve() noexcept = 0;

  // An Ordinary record that finds no room is dropped and counted (audit.gap). Its time is stamped here if it
  // has none.
  virtual void write(std::unique_ptr<audit::Record> record, AuditRoom room) = 0;

  // The record is to be on disk before something is done; `outcome`: with room for one more that follows.
  // Without a record only for that room. Waiting: `who` is told by its `hold`, once. Refused leaves nothing
  // reserved. With durability other than write_ahead: Granted as soon as there is room.
  virtual AuditAnswer write_ahead(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<audit::Record> intent,
                                  bool outcome) = 0;
  // It no longer waits. What it waited for is given back; an intent that is in the ring already stays there,
  // and its outcome is written as `instead`, if that is given, else its room is given back.
  virtual void forget(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<audit::Record> instead) = 0;
};

}  // namespace postern
