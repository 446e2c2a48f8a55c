#include "ledger/login_failures.h"

namespace postern::server {
namespace {

Duration delay_after(const config::LoginLimits& limits, std::uint64_t failures) noexcept {
  int factor = 1;
  for (std::uint64_t i = 1; i < failures && factor < LoginFailures::kLargestFactor; ++i) factor *= 2;
  if (limits.delay > LoginFailures::kLongestDelay / factor) return LoginFailures::kLongestDelay;
  return limits.delay * factor;
}

}  // namespace

void LoginFailures::set_limits(const config::LoginLimits& limits) {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    stripe.limits = limits;
  }
}

bool LoginFailures::is_banned(const LedgerKey& key, Instant now) {
  Stripe& stripe = stripes_.of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.index.find(key);
  return stripe.limits.failures > 0 && found != stripe.index.end() && found->second->banned_until > now;
}

Duration LoginFailures::fail(const LedgerKey& key, Instant now) {
  Stripe& stripe = stripes_.of(key);
  const std::lock_guard lock(stripe.mutex);
  const config::LoginLimits& limits = stripe.limits;
  Row& row = row_for(stripe, key);
  if (row.banned_until > now) return delay_after(limits, kLargestFactor);
  const std::uint64_t failures = row.failures.sum(limits.window / kSlots, now) + 1;
  row.failures.add(1);
  if (limits.failures > 0 && failures >= static_cast<std::uint64_t>(limits.failures)) {
    row.banned_until = now + limits.ban;
    row.failures.clear();
  }
  return delay_after(limits, failures);
}

void LoginFailures::forgive(const LedgerKey& key, Instant now) {
  Stripe& stripe = stripes_.of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.index.find(key);
  if (found == stripe.index.end() || found->second->banned_until > now) return;
  stripe.by_age.erase(found->second);
  stripe.index.erase(found);
}

// Finds or makes the row and puts it at the front; a full stripe gives up its oldest.
LoginFailures::Row& LoginFailures::row_for(Stripe& stripe, const LedgerKey& key) {
  const auto found = stripe.index.find(key);
  if (found != stripe.index.end()) {
    stripe.by_age.splice(stripe.by_age.begin(), stripe.by_age, found->second);
    return stripe.by_age.front();
  }
  if (stripe.index.size() >= kRowsPerStripe) {
    stripe.index.erase(stripe.by_age.back().key);
    stripe.by_age.pop_back();
  }
  stripe.by_age.push_front(Row{.key = key, .failures = {}, .banned_until = {}});
  stripe.index.emplace(key, stripe.by_age.begin());
  return stripe.by_age.front();
}

std::size_t LoginFailures::rows() const {
  return stripes_.sum([](const Stripe& stripe) { return stripe.index.size(); });
}

}  // namespace postern::server
