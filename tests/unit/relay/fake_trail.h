// An audit trail that keeps what it is given, and lets a test say when a record is on disk.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "record/audit_trail.h"

namespace postern::net {

class FakeTrail final : public AuditTrail {
 public:
  ~FakeTrail() override {
    EXPECT_TRUE(waiting.empty()) << "the relay has ended, and would be told of a record";
    EXPECT_EQ(rooms, 0);
  }

  bool writable() const noexcept override { return can_write; }
  bool reserve() noexcept override {
    if (can_write) ++rooms;
    return can_write;
  }
  void write(std::unique_ptr<audit::Record> record, AuditRoom room) override {
    if (room == AuditRoom::Reserved) --rooms;
    keep(std::move(record));
  }
  AuditAnswer write_ahead(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<audit::Record> intent,
                          bool outcome) override {
    if (!can_write) return AuditAnswer::Refused;
    if (intent) keep(std::move(intent));
    if (outcome) ++rooms;
    if (at_once) return AuditAnswer::Granted;
    waiting.emplace(hold, Waiting{&who, outcome});
    return AuditAnswer::Waiting;
  }
  void forget(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<audit::Record> instead) override {
    const auto found = waiting.find(hold);
    ASSERT_NE(found, waiting.end());
    EXPECT_EQ(found->second.who, &who);
    if (found->second.outcome) --rooms;
    waiting.erase(found);
    ++forgotten;
    if (instead) keep(std::move(instead));
  }
  // All that wait are told.
  void answer(bool granted) {
    for (const auto& [hold, waiter] : std::exchange(waiting, {})) {
      if (waiter.outcome && !granted) --rooms;
      waiter.who->recorded(hold, granted);
    }
  }

  template <typename Body>
  std::vector<const audit::Record*> all() const {
    std::vector<const audit::Record*> found;
    for (const auto& record : records)
      if (std::holds_alternative<Body>(record->body)) found.push_back(record.get());
    return found;
  }
  // The only record of that kind.
  template <typename Body>
  const audit::Record& only() const {
    static audit::Record none;
    none.body = Body();
    const auto found = all<Body>();
    EXPECT_EQ(found.size(), 1U);
    return found.size() == 1 ? *found.front() : none;
  }
  template <typename Body>
  const Body& body() const {
    return std::get<Body>(only<Body>().body);
  }

  bool can_write = true;
  bool at_once = true;
  std::vector<std::unique_ptr<audit::Record>> records;
  std::size_t forgotten = 0;

  struct Waiting {
    AuditWaiter* who;
    bool outcome;
  };
  std::map<std::uint64_t, Waiting> waiting;
  int rooms = 0;

 private:
  void keep(std::unique_ptr<audit::Record> record) {
    ASSERT_NE(record->connection, nullptr);
    records.push_back(std::move(record));
  }
};

}  // namespace postern::net
