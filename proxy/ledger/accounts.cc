#include "ledger/accounts.h"

#include <optional>
#include <utility>

namespace postern::server {

class Accounts::Seat final : public UserSeat {
 public:
  Seat(Accounts& accounts, std::optional<LedgerKey> key, std::shared_ptr<Row> row)
      : accounts_(accounts), key_(key), row_(std::move(row)) {}
  ~Seat() override {
    if (key_) accounts_.leave(*key_);
  }
  Instant next_command(Instant now) noexcept override {
    return row_->commands.take(accounts_.commands_per_user_.load(std::memory_order_relaxed), now);
  }
  bool brakes() const noexcept override { return accounts_.messages_.load(std::memory_order_relaxed) != 0; }
  bool charge(std::uint64_t messages, Instant now) override { return accounts_.charge(*row_, messages, now); }
  void refund(std::uint64_t messages, Instant charged_at) override {
    accounts_.refund(*row_, messages, charged_at);
  }
  void not_counted() noexcept override { accounts_.uncounted_.fetch_add(1, std::memory_order_relaxed); }

 private:
  Accounts& accounts_;
  std::optional<LedgerKey> key_;  // none: a hidden user's
  std::shared_ptr<Row> row_;
};

void Accounts::set_limits(const config::Limits& limits) {
  sessions_per_user_ = limits.sessions_per_user;
  commands_per_user_ = limits.commands_per_user;
  messages_ = limits.deletions.messages;
  window_ns_ = limits.deletions.window.count();
}

bool Accounts::has_seat(const LedgerKey& key) {
  const std::uint64_t limit = sessions_per_user_;
  if (limit == 0) return true;
  Stripe& stripe = stripes_.of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.rows.find(key);
  return found == stripe.rows.end() || found->second->sessions < limit;
}

std::unique_ptr<UserSeat> Accounts::seat(const LedgerKey& key) {
  Stripe& stripe = stripes_.of(key);
  const std::lock_guard lock(stripe.mutex);
  std::shared_ptr<Row>& row = stripe.rows[key];
  const bool is_new = row == nullptr;
  if (is_new) row = std::make_shared<Row>();
  const std::uint64_t limit = sessions_per_user_;
  if (limit != 0 && row->sessions >= limit) return nullptr;
  if (!is_new && row->sessions == 0) stripe.left.erase(row->left_at);
  ++row->sessions;
  return std::make_unique<Seat>(*this, key, row);
}

std::unique_ptr<UserSeat> Accounts::seat_alone() {
  return std::make_unique<Seat>(*this, std::nullopt, std::make_shared<Row>());
}

// The last session's row stays for what would otherwise be forgotten by logging in anew.
void Accounts::leave(const LedgerKey& key) {
  Stripe& stripe = stripes_.of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.rows.find(key);
  Row& row = *found->second;
  if (--row.sessions > 0) return;
  if (!row.has_deleted && commands_per_user_ == 0) {
    stripe.rows.erase(found);
    return;
  }
  stripe.left.push_front(key);
  row.left_at = stripe.left.begin();
  if (stripe.left.size() <= kLeftRowsPerStripe) return;
  stripe.rows.erase(stripe.left.back());
  stripe.left.pop_back();
}

bool Accounts::charge(Row& row, std::uint64_t messages, Instant now) {
  const std::uint64_t limit = messages_;
  if (limit == 0 || messages == 0) return true;
  const Duration width = Duration(window_ns_.load()) / kSlots;
  const std::lock_guard lock(row.mutex);
  const bool same_window = row.deletions.width() == width;
  const std::uint64_t before = row.deletions.total();
  std::uint64_t sum = row.deletions.sum(width, now);
  if (!same_window) {
    row.deletions.add(before);
    sum = before;
  }
  if (sum > limit || messages > limit - sum) {
    braked_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  row.deletions.add(messages);
  row.has_deleted = true;
  charged_.fetch_add(messages, std::memory_order_relaxed);
  return true;
}

void Accounts::refund(Row& row, std::uint64_t messages, Instant charged_at) {
  const std::lock_guard lock(row.mutex);
  charged_.fetch_sub(row.deletions.take_back(messages, charged_at), std::memory_order_relaxed);
}

std::size_t Accounts::rows() const {
  return stripes_.sum([](const Stripe& stripe) { return stripe.rows.size(); });
}

}  // namespace postern::server
