#include "audit/writer/port.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace postern::audit {
namespace {

void stamp(Record& record) {
  if (record.unix_us != 0) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  record.unix_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

bool Port::reserve() noexcept {
  const bool up = gate_.up.load(std::memory_order_acquire);
  const bool deny = gate_.deny.load();
  if (!up && deny) return false;
  if (for_room_.empty() && ring_.reserve()) return true;
  if (deny) return false;
  ++overdrawn_;
  return true;
}

void Port::give_back() noexcept {
  if (overdrawn_ > 0) {
    --overdrawn_;
    return;
  }
  if (ring_.reserved() == 0) return;
  ring_.give_back();
  if (!for_room_.empty()) post_([this] { try_again(); });
}

void Port::write(std::unique_ptr<Record> record, AuditRoom room) {
  stamp(*record);
  if (room == AuditRoom::Reserved) {
    // What was promised without room takes what is free first: the reserved slots are others'.
    if (overdrawn_ > 0 && (ring_.has_room(1) || ring_.reserved() == 0)) {
      --overdrawn_;
    } else if (ring_.reserved() > 0) {
      return push(std::move(record), false, true);
    }
  }
  if (!ring_.has_room(1)) return drop();
  push(std::move(record), false, false);
}

AuditAnswer Port::write_ahead(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<Record> intent,
                              bool outcome) {
  if (intent) stamp(*intent);
  Waiter waiter{&who, hold, std::move(intent), outcome};
  if (!gate_.up.load(std::memory_order_acquire)) {
    if (gate_.deny.load()) return AuditAnswer::Refused;
    let_through(waiter);
    return AuditAnswer::Granted;
  }
  if (!for_room_.empty() || !has_room(waiter)) {
    // First the wish, then the look: the writer frees slots first and looks for wishes after that.
    wants_room_.store(true, std::memory_order_seq_cst);
    if (!for_room_.empty() || !has_room(waiter)) {
      for_room_.push_back(std::move(waiter));
      return AuditAnswer::Waiting;
    }
  }
  if (!enter(waiter)) return AuditAnswer::Granted;
  for_disk_.push_back(std::move(waiter));
  return AuditAnswer::Waiting;
}

void Port::forget(AuditWaiter& who, std::uint64_t hold, std::unique_ptr<Record> instead) {
  const auto same = [&](const Waiter& waiter) { return waiter.who == &who && waiter.hold == hold; };
  if (const auto found = std::find_if(for_disk_.begin(), for_disk_.end(), same); found != for_disk_.end()) {
    const bool outcome = found->outcome;
    for_disk_.erase(found);
    if (instead) return write(std::move(instead), outcome ? AuditRoom::Reserved : AuditRoom::Ordinary);
    if (outcome) give_back();
    return;
  }
  const auto found = std::find_if(for_room_.begin(), for_room_.end(), same);
  if (found == for_room_.end()) return;
  for_room_.erase(found);
  if (!for_room_.empty()) post_([this] { try_again(); });  // the next may need less
}

// There is room. Whether the disk has to be waited for.
bool Port::enter(Waiter& waiter) {
  if (waiter.outcome) ring_.reserve();
  if (!waiter.intent) return false;
  push(std::move(waiter.intent), gate_.ahead, false);
  waiter.position = ring_.pushed();
  return gate_.ahead;
}

// on_failure: allow. What finds no room is lost, and counted.
void Port::let_through(Waiter& waiter) {
  if (waiter.intent && ring_.has_room(1)) {
    push(std::move(waiter.intent), false, false);
  } else if (waiter.intent) {
    drop();
  }
  if (waiter.outcome && !ring_.reserve()) ++overdrawn_;
}

void Port::push(std::unique_ptr<Record> record, bool awaited, bool reserved) {
  if (reserved) {
    ring_.push_reserved(std::move(record));
  } else {
    ring_.push(std::move(record), awaited);
  }
  gate_.waker.notify(awaited || ring_.filling());
}

void Port::drop() noexcept {
  const Cause cause = gate_.up.load(std::memory_order_relaxed) ? QueueFull : WriteError;
  dropped_[cause].fetch_add(1, std::memory_order_relaxed);
}

void Port::settle(std::uint64_t position) {
  post_([this, position] { on_disk(position); });
}

void Port::drained() {
  if (wants_room_.exchange(false, std::memory_order_seq_cst)) post_([this] { try_again(); });
}

void Port::refuse() {
  post_([this] { tell_all(); });
}

// Who is told may do anything with this port: each is taken out before it is told.
void Port::on_disk(std::uint64_t position) {
  while (!for_disk_.empty() && for_disk_.front().position <= position) {
    const Waiter waiter = std::move(for_disk_.front());
    for_disk_.pop_front();
    waiter.who->recorded(waiter.hold, true);
  }
}

void Port::try_again() {
  while (!for_room_.empty()) {
    if (!has_room(for_room_.front())) {
      wants_room_.store(true, std::memory_order_seq_cst);
      if (!has_room(for_room_.front())) return;
    }
    Waiter waiter = std::move(for_room_.front());
    for_room_.pop_front();
    if (enter(waiter)) {
      for_disk_.push_back(std::move(waiter));
    } else {
      waiter.who->recorded(waiter.hold, true);
    }
  }
}

void Port::tell_all() {
  const bool granted = !gate_.deny.load();
  for (std::size_t left = for_disk_.size(); left > 0 && !for_disk_.empty(); --left) {
    const Waiter waiter = std::move(for_disk_.front());
    for_disk_.pop_front();
    if (waiter.outcome && !granted) give_back();
    waiter.who->recorded(waiter.hold, granted);
  }
  for (std::size_t left = for_room_.size(); left > 0 && !for_room_.empty(); --left) {
    Waiter waiter = std::move(for_room_.front());
    for_room_.pop_front();
    if (granted) let_through(waiter);
    waiter.who->recorded(waiter.hold, granted);
  }
}

}  // namespace postern::audit
