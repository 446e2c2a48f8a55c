// Keyed hashes of users and client networks, and the locked stripes in which the Ledger's tables are kept by
// them. A table never holds a name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "crypto/siphash.h"

namespace postern::server {

struct LedgerKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  bool operator==(const LedgerKey&) const = default;
};
struct LedgerKeyHash {
  std::size_t operator()(const LedgerKey& key) const noexcept { return key.second; }
};

// Immutable; any thread.
class LedgerKeys {
 public:
  // `keys`: secret and random, so that nobody can aim at a stripe.
  explicit LedgerKeys(const std::array<SipKey, 2>& keys) : keys_(keys) {}
  // Nothing for what is no address.
  std::optional<LedgerKey> of_network(std::string_view client_address) const;
  std::optional<LedgerKey> of_user(std::string_view user) const;  // nothing for a hidden one

 private:
  LedgerKey key_of(char kind, std::string_view name) const;
  std::array<SipKey, 2> keys_;
};

// T has a `mutable std::mutex mutex`, to be locked by whoever asks for the stripe.
template <typename T>
class Stripes {
 public:
  static constexpr std::size_t kCount = 64;
  T& of(const LedgerKey& key) noexcept { return all_[key.first % kCount]; }
  auto begin() noexcept { return all_.begin(); }
  auto end() noexcept { return all_.end(); }

  template <typename Pick>  // const T& -> a number
  std::size_t sum(Pick pick) const {
    std::size_t total = 0;
    for (const T& stripe : all_) {
      const std::lock_guard lock(stripe.mutex);
      total += pick(stripe);
    }
    return total;
  }

 private:
  std::array<T, kCount> all_;
};

}  // namespace postern::server
