#include "ledger/ledger.h"

#include <algorithm>

namespace postern::server {

class SharedLedger::Place final : public ClientSeat {
 public:
  Place(SharedLedger& ledger, std::optional<LedgerKey> network) : ledger_(ledger), network_(network) {}
  ~Place() override {
    if (network_) ledger_.leave(*network_);
  }

 private:
  SharedLedger& ledger_;
  std::optional<LedgerKey> network_;
};

SharedLedger::SharedLedger(const config::Limits& limits, const std::array<SipKey, 2>& keys) : keys_(keys) {
  set_limits(limits);
}

void SharedLedger::set_limits(const config::Limits& limits) {
  failures_.set_limits(limits.login);
  accounts_.set_limits(limits);
  sessions_per_client_ = limits.sessions_per_client;
}

std::unique_ptr<ClientSeat> SharedLedger::seat_client(std::string_view client_address) {
  const auto network = keys_.of_network(client_address);
  if (network) {
    Clients& stripe = clients_.of(*network);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.sessions.find(*network);
    const std::uint64_t limit = sessions_per_client_;
    if (limit != 0 && found != stripe.sessions.end() && found->second >= limit) return nullptr;
    ++stripe.sessions[*network];
  }
  return std::make_unique<Place>(*this, network);
}

void SharedLedger::leave(const LedgerKey& network) {
  Clients& stripe = clients_.of(network);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.sessions.find(network);
  if (--found->second == 0) stripe.sessions.erase(found);
}

bool SharedLedger::has_seat(std::string_view user) {
  const auto name = keys_.of_user(user);
  return !name || accounts_.has_seat(*name);
}

std::unique_ptr<UserSeat> SharedLedger::seat_user(std::string_view user) {
  const auto name = keys_.of_user(user);
  return name ? accounts_.seat(*name) : accounts_.seat_alone();
}

bool SharedLedger::may_log_in(std::string_view client_address, std::string_view user, Instant now) {
  const auto network = keys_.of_network(client_address);
  if (network && failures_.is_banned(*network, now)) {
    refused_networks_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const auto name = keys_.of_user(user);
  if (name && failures_.is_banned(*name, now)) {
    refused_users_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  return true;
}

Duration SharedLedger::login_failed(std::string_view client_address, std::string_view user, Instant now) {
  Duration delay{};
  if (const auto network = keys_.of_network(client_address))
    delay = std::max(delay, failures_.fail(*network, now));
  if (const auto name = keys_.of_user(user)) delay = std::max(delay, failures_.fail(*name, now));
  return delay;
}

void SharedLedger::login_succeeded(std::string_view, std::string_view user, Instant now) {
  if (const auto name = keys_.of_user(user)) failures_.forgive(*name, now);
}

std::size_t SharedLedger::rows() const {
  const std::size_t networks = clients_.sum([](const Clients& stripe) { return stripe.sessions.size(); });
  return failures_.rows() + accounts_.rows() + networks;
}

}  // namespace postern::server
