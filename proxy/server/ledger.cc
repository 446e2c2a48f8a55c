#include "server/ledger.h"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>

namespace postern::server {
namespace {

constexpr std::size_t kV6NetworkOctets = 8;  // /64: what one household or one host gets

// The octets that stand for a client's network, or nothing for what is no address (a unix peer).
std::string network_of(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));  // without an IPv6 zone
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return {reinterpret_cast<const char*>(&v4), sizeof v4};
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return {};
  const char* octets = reinterpret_cast<const char*>(&v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return {octets + 12, 4};
  return {octets, kV6NetworkOctets};
}

std::int64_t slot_number(const config::LoginLimits& limits, Instant now) noexcept {
  const auto width = std::max<Duration::rep>(1, limits.window.count() / LoginLedger::kSlots);
  return now.time_since_epoch().count() / width;
}

Duration delay_after(const config::LoginLimits& limits, int failures) noexcept {
  int factor = 1;
  for (int i = 1; i < failures && factor < LoginLedger::kLargestFactor; ++i) factor *= 2;
  if (limits.delay > LoginLedger::kLongestDelay / factor) return LoginLedger::kLongestDelay;
  return limits.delay * factor;
}

}  // namespace

LoginLedger::LoginLedger(const config::LoginLimits& limits, const std::array<SipKey, 2>& keys) : keys_(keys) {
  set_limits(limits);
}

void LoginLedger::set_limits(const config::LoginLimits& limits) {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    if (stripe.limits.window != limits.window) ++stripe.generation;
    stripe.limits = limits;
  }
}

LoginLedger::Key LoginLedger::key_of(char kind, std::string_view name) const {
  std::string text(1, kind);
  text += name;
  return {siphash(keys_[0], text), siphash(keys_[1], text)};
}

std::optional<LoginLedger::Key> LoginLedger::network_key(std::string_view client_address) const {
  const std::string network = network_of(client_address);
  if (network.empty()) return std::nullopt;
  return key_of('n', network);
}

std::optional<LoginLedger::Key> LoginLedger::user_key(std::string_view user) const {
  if (user.empty()) return std::nullopt;
  std::string folded(user);
  for (char& c : folded) c = ascii_lower(c);
  return key_of('u', folded);
}

bool LoginLedger::may_log_in(std::string_view client_address, std::string_view user, Instant now) {
  const auto network = network_key(client_address);
  if (network && banned(*network, now)) {
    refused_networks_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const auto name = user_key(user);
  if (name && banned(*name, now)) {
    refused_users_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  return true;
}

Duration LoginLedger::login_failed(std::string_view client_address, std::string_view user, Instant now) {
  Duration delay{};
  if (const auto network = network_key(client_address)) delay = std::max(delay, fail(*network, now));
  if (const auto name = user_key(user)) delay = std::max(delay, fail(*name, now));
  return delay;
}

void LoginLedger::login_succeeded(std::string_view, std::string_view user, Instant now) {
  const auto key = user_key(user);
  if (!key) return;
  Stripe& stripe = stripe_of(*key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.index.find(*key);
  // A ban that began while this login was on its way stays.
  if (found == stripe.index.end() || found->second->banned_until > now) return;
  stripe.by_age.erase(found->second);
  stripe.index.erase(found);
}

bool LoginLedger::banned(const Key& key, Instant now) {
  Stripe& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.index.find(key);
  return stripe.limits.failures > 0 && found != stripe.index.end() && found->second->banned_until > now;
}

Duration LoginLedger::fail(const Key& key, Instant now) {
  Stripe& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  Row& row = row_for(stripe, key);
  if (row.banned_until > now) return delay_after(stripe.limits, kLargestFactor);
  const int failures = count(stripe, row, now) + 1;
  std::uint16_t& slot = row.slots[static_cast<std::size_t>(row.newest_slot % kSlots)];
  if (slot < std::numeric_limits<std::uint16_t>::max()) ++slot;
  const Duration delay = delay_after(stripe.limits, failures);
  if (stripe.limits.failures > 0 && failures >= stripe.limits.failures) {
    row.banned_until = now + stripe.limits.ban;
    row.slots.fill(0);
  }
  return delay;
}

// Finds or makes the row and puts it at the front; a full stripe gives up its oldest.
LoginLedger::Row& LoginLedger::row_for(Stripe& stripe, const Key& key) {
  const auto found = stripe.index.find(key);
  if (found != stripe.index.end()) {
    stripe.by_age.splice(stripe.by_age.begin(), stripe.by_age, found->second);
    return stripe.by_age.front();
  }
  if (stripe.index.size() >= kRowsPerStripe) {
    stripe.index.erase(stripe.by_age.back().key);
    stripe.by_age.pop_back();
  }
  stripe.by_age.push_front(Row{.key = key, .generation = stripe.generation});
  stripe.index.emplace(key, stripe.by_age.begin());
  return stripe.by_age.front();
}

// Moves the row's window on to `now` and adds up what is left in it.
int LoginLedger::count(Stripe& stripe, Row& row, Instant now) {
  const std::int64_t newest = slot_number(stripe.limits, now);
  const bool stale = row.generation != stripe.generation || newest - row.newest_slot >= kSlots;
  if (stale) row.slots.fill(0);
  for (std::int64_t slot = row.newest_slot + 1; !stale && slot <= newest; ++slot)
    row.slots[static_cast<std::size_t>(slot % kSlots)] = 0;
  row.generation = stripe.generation;
  if (stale || newest > row.newest_slot) row.newest_slot = newest;
  int sum = 0;
  for (const std::uint16_t slot : row.slots) sum += slot;
  return sum;
}

std::size_t LoginLedger::rows() const {
  std::size_t sum = 0;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    sum += stripe.index.size();
  }
  return sum;
}

}  // namespace postern::server
