// Ciphertext on its way to the kernel. One for each worker, used by all of its sessions during one pump; its
// memory is donated to a pending write when the kernel does not take everything, and a fresh one is made.
#pragma once

#include <cstddef>
#include <memory>

#include "base/octets.h"

namespace postern {

class CipherBuffer {
 public:
  static constexpr std::size_t kBytes = 72 * 1024;

  CipherBuffer() : memory_(new char[kBytes]) {}

  std::size_t size() const noexcept { return size_; }
  std::size_t room() const noexcept { return kBytes - size_; }
  bool empty() const noexcept { return size_ == 0; }
  Octets octets() const noexcept { return {memory_.get(), size_}; }
  void clear() noexcept { size_ = 0; }
  // Appends; false (and nothing appended) if there is no room.
  bool append(Octets octets) noexcept;
  // Gives the memory away and starts with a fresh one.
  std::unique_ptr<char[]> donate();

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace postern
