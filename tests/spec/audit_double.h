// The audit trail of tests: it grants what it is told to, and knows what a session owes it. Every room that
// was taken has to be used or given back, every intent that was granted has to get its outcome, and no
// outcome may come without one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "record/audit_trail.h"
#include "session/events.h"

namespace postern::testing {

class AuditDouble final : public AuditTrail {
 public:
  bool is_writable = true;
  bool has_room = true;

  bool writable() const noexcept override { return is_writable; }
  bool reserve() noexcept override {
    if (has_room) ++rooms_;
    return has_room;
  }
  void write(std::unique_ptr<audit::Record>, AuditRoom) override { problem("written past the relay"); }
  AuditAnswer write_ahead(AuditWaiter&, std::uint64_t, std::unique_ptr<audit::Record>, bool) override {
    problem("waited for past the relay");
    return AuditAnswer::Refused;
  }
  void forget(AuditWaiter&, std::uint64_t, std::unique_ptr<audit::Record>) override {
    problem("forgotten past the relay");
  }

  // What the relay would have done with the session's actions.
  void ask(std::uint64_t id, const asked::Record& asked) {
    if (waiting_) problem("two commands wait");
    waiting_ = Waiting{id, asked.outcome, {}, 0};
    if (!asked.intent) return;
    const auto* command = std::get_if<audit::Command>(&asked.intent->body);
    if (command == nullptr || !command->intent) return problem("an intent that is none");
    waiting_->name = command->name;
    waiting_->number = asked.intent->number;
  }
  // The relay is about to say Answered.
  void answer(std::uint64_t id, bool granted) {
    if (!waiting_ || waiting_->id != id) return;
    if (granted) {
      rooms_ += waiting_->outcome ? 1 : 0;
      if (waiting_->number > 0) {
        ++durable_[waiting_->name];
        open_.emplace(waiting_->number, waiting_->name);
      }
    }
    waiting_.reset();
  }
  void forget(const session::Forget& forget) {
    if (!waiting_ || waiting_->id != forget.id) problem("nothing waits that could be forgotten");
    if (waiting_ && waiting_->number > 0 && waiting_->outcome && !forget.instead)
      problem("an intent without an outcome");
    waiting_.reset();
  }
  void recorded(const session::Recorded& recorded) {
    const auto* command = std::get_if<audit::Command>(&recorded.record->body);
    if (recorded.room == AuditRoom::Reserved && --rooms_ < 0) problem("room that was not taken");
    if (command == nullptr) return;
    if (command->intent) return problem("an intent that nobody waits for");
    open_.erase(recorded.record->number);
    if (recorded.record->user.empty()) problem("a command without a user");
  }
  // A destructive command has reached the upstream. False: nothing was on disk before.
  bool was_durable(const std::string& name) {
    const auto found = durable_.find(name);
    if (found == durable_.end() || found->second == 0) return false;
    --found->second;
    return true;
  }
  // The session is over.
  void ended() {
    if (rooms_ != 0) problem("room is left: " + std::to_string(rooms_));
    for (const auto& [number, name] : open_) problem("no outcome of " + name);
    if (waiting_) problem("something still waits");
  }

  const std::string& problem() const { return problem_; }

 private:
  struct Waiting {
    std::uint64_t id = 0;
    bool outcome = false;
    std::string name;
    std::uint64_t number = 0;  // 0: it waits for room alone
  };

  void problem(const std::string& text) {
    if (problem_.empty()) problem_ = "audit: " + text;
  }

  std::optional<Waiting> waiting_;
  std::map<std::string, int> durable_;  // intents by name that no command has used yet
  std::map<std::uint64_t, std::string> open_;
  std::int64_t rooms_ = 0;
  std::string problem_;
};

// `command.intent n=2 UID STORE mailbox=INBOX …`, as dialogues show a record.
std::string text_of(const audit::Record& record);

}  // namespace postern::testing
