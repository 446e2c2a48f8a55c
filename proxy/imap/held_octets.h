// The octets that a scanner had to keep because something is incomplete. One block of memory that is wiped
// before it is freed, also where it grows (a client's line may hold a password), and none at all while it is
// empty. Single-threaded, owned by its scanner. Private to this layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "base/octets.h"
#include "base/secret.h"

namespace postern::imap {

class HeldOctets {
 public:
  HeldOctets() = default;
  HeldOctets(HeldOctets&& other) noexcept
      : memory_(std::move(other.memory_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  HeldOctets& operator=(HeldOctets&& other) noexcept {
    if (this == &other) return *this;
    clear();
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  HeldOctets(const HeldOctets&) = delete;
  HeldOctets& operator=(const HeldOctets&) = delete;
  ~HeldOctets() { clear(); }

  // `most` is the owner's cap on all that it may ever hold: memory does not double past it.
  void append(Octets octets, std::size_t most) {
    if (octets.empty()) return;
    if (size_ + octets.size() > capacity_) grow(size_ + octets.size(), most);
    std::memcpy(memory_.get() + size_, octets.data(), octets.size());
    size_ += octets.size();
  }
  void truncate(std::size_t size) noexcept {
    if (size >= size_) return;
    if (size == 0) return clear();
    wipe(memory_.get() + size, size_ - size);
    size_ = size;
  }
  void clear() noexcept {
    if (!memory_) return;
    wipe(memory_.get(), size_);  // what lies behind was never written, or was wiped by truncate()
    memory_.reset();
    size_ = capacity_ = 0;
  }

  Octets view() const noexcept { return {memory_.get(), size_}; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr std::size_t kSmallest = 128;

  void grow(std::size_t needed, std::size_t most) {
    const std::size_t wanted = std::max({needed, kSmallest, std::min(capacity_ * 2, most)});
    std::unique_ptr<char[]> larger(new char[wanted]);
    if (size_ > 0) {
      std::memcpy(larger.get(), memory_.get(), size_);
      wipe(memory_.get(), size_);
    }
    memory_ = std::move(larger);
    capacity_ = wanted;
  }

  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace postern::imap
