// Octets that had to be kept: a chain of blocks, none when it is empty. Append at the end, read from the
// front, in place. A block never moves, so a span from front() stays valid until it is dropped.
// Single-threaded; owns its blocks. Cost: O(1) amortised for each call, appended octets are copied once.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/octets.h"

namespace postern {

class ByteQueue {
 public:
  static constexpr std::size_t kBlockBytes = 16 * 1024;
  static constexpr std::size_t kSmallBlockBytes = 512;  // the first block of a short answer

  ByteQueue() = default;
  ByteQueue(ByteQueue&& other) noexcept;
  ByteQueue& operator=(ByteQueue&& other) noexcept;
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;
  ~ByteQueue() { clear(); }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  void append(Octets octets);
  Octets front() const noexcept;                // the contiguous octets at the front; empty when the queue is
  Octets run(std::size_t from) const noexcept;  // the contiguous octets at position `from` (< size())
  void drop(std::size_t octets) noexcept;       // from the front; at most size()
  void clear() noexcept;
  // While it is on every block is overwritten before it is freed: for what may hold credentials.
  void set_secret(bool on) noexcept { secret_ = on; }
  bool is_secret() const noexcept { return secret_; }

 private:
  struct Block {
    std::unique_ptr<char[]> memory;
    std::size_t capacity = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::vector<Block> blocks_;  // few: the queue's cap is limits.buffer
  void release(Block& block) noexcept;

  std::size_t size_ = 0;
  bool secret_ = false;
};

}  // namespace postern
