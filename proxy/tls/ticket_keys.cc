#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/secret.h"
#include "tls/certificate_file.h"
#include "tls/context_impl.h"

namespace postern::tls {
namespace {

constexpr std::size_t kFileKeyBytes = 80;
constexpr std::size_t kOldKeysMax = 2;

TicketKey random_key() {
  TicketKey key{};
  // Without random octets there is no TLS at all; a predictable ticket key would be worse than none.
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.hmac.data(), static_cast<int>(key.hmac.size())) != 1 ||
      RAND_priv_bytes(key.aes.data(), static_cast<int>(key.aes.size())) != 1)
    std::abort();
  return key;
}

TicketKey key_from(const char* octets) {
  TicketKey key{};
  std::memcpy(key.name.data(), octets, key.name.size());
  std::memcpy(key.hmac.data(), octets + 16, key.hmac.size());
  std::memcpy(key.aes.data(), octets + 48, key.aes.size());
  return key;
}

}  // namespace

TicketKeys::Ring::~Ring() {
  if (!keys.empty()) wipe(keys.data(), keys.size() * sizeof(TicketKey));
}

TicketKeys::TicketKeys() {
  auto ring = std::make_shared<Ring>();
  ring->keys.push_back(random_key());
  ring_ = std::move(ring);
}

TicketKeys::~TicketKeys() = default;

void TicketKeys::rotate() {
  const std::shared_ptr<const Ring> old = current();
  auto ring = std::make_shared<Ring>();
  const std::size_t kept = std::min(old->keys.size(), kOldKeysMax);
  ring->keys.reserve(kept + 1);  // keys are never moved: nothing is left unwiped
  ring->keys.push_back(random_key());
  for (std::size_t i = 0; i < kept; ++i) ring->keys.push_back(old->keys[i]);
  use(std::move(ring));
}

Result<std::shared_ptr<const TicketKeys::Ring>> TicketKeys::read(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  const std::size_t count = text->size() / kFileKeyBytes;
  if (count == 0 || text->size() % kFileKeyBytes != 0) {
    const std::string size = std::to_string(text->size());
    wipe(*text);
    return Error{ErrorCode::ConfigInvalid,
                 path + " has " + size +
                     " octets; ticket keys of 80 octets are wanted (openssl rand 80), those of 48 octets are "
                     "not supported"};
  }
  auto ring = std::make_shared<Ring>();
  ring->keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) ring->keys.push_back(key_from(text->data() + i * kFileKeyBytes));
  wipe(*text);
  return std::shared_ptr<const Ring>(std::move(ring));
}

// A mutex and no std::atomic<std::shared_ptr>: libstdc++'s unlocks its pointer in relaxed order after a load,
// in which ThreadSanitizer sees a race.
void TicketKeys::use(std::shared_ptr<const Ring> ring) noexcept {
  const std::lock_guard lock(mutex_);
  ring_.swap(ring);  // the old one ends behind the lock, with this call's argument
}

std::shared_ptr<const TicketKeys::Ring> TicketKeys::current() const noexcept {
  const std::lock_guard lock(mutex_);
  return ring_;
}

}  // namespace postern::tls
