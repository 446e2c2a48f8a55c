#include "base/secret.h"

#include <string.h>

#include <algorithm>
#include <utility>

namespace postern {

void wipe(void* memory, std::size_t size) noexcept { explicit_bzero(memory, size); }

Secret::Secret(Octets octets) { append(octets); }

Secret::Secret(Secret&& other) noexcept
    : memory_(std::move(other.memory_)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  clear();
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

Secret::~Secret() { clear(); }

void Secret::clear() noexcept {
  if (memory_) wipe(memory_.get(), capacity_);
  memory_.reset();
  size_ = capacity_ = 0;
}

void Secret::append(Octets octets) {
  if (octets.empty()) return;
  if (size_ + octets.size() > capacity_) {
    const std::size_t wanted = std::max(size_ + octets.size(), capacity_ * 2);
    auto larger = std::make_unique<char[]>(wanted);
    if (memory_) {
      std::copy_n(memory_.get(), size_, larger.get());
      wipe(memory_.get(), capacity_);
    }
    memory_ = std::move(larger);
    capacity_ = wanted;
  }
  std::copy(octets.begin(), octets.end(), memory_.get() + size_);
  size_ += octets.size();
}

}  // namespace postern
