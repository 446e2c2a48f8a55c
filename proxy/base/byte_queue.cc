#include "base/byte_queue.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/secret.h"

namespace postern {

ByteQueue::ByteQueue(ByteQueue&& other) noexcept
    : blocks_(std::move(other.blocks_)), size_(std::exchange(other.size_, 0)), secret_(other.secret_) {
  other.blocks_.clear();
}

ByteQueue& ByteQueue::operator=(ByteQueue&& other) noexcept {
  clear();
  blocks_ = std::move(other.blocks_);
  other.blocks_.clear();
  size_ = std::exchange(other.size_, 0);
  secret_ = other.secret_;
  return *this;
}

void ByteQueue::append(Octets octets) {
  while (!octets.empty()) {
    if (blocks_.empty() || blocks_.back().end == blocks_.back().capacity) {
      const bool small = blocks_.empty() && octets.size() <= kSmallBlockBytes;
      const std::size_t capacity = small ? kSmallBlockBytes : kBlockBytes;
      blocks_.push_back({std::unique_ptr<char[]>(new char[capacity]), capacity, 0, 0});
    }
    Block& last = blocks_.back();
    const std::size_t n = std::min(octets.size(), last.capacity - last.end);
    std::memcpy(last.memory.get() + last.end, octets.data(), n);
    last.end += n;
    size_ += n;
    octets.remove_prefix(n);
  }
}

Octets ByteQueue::front() const noexcept {
  if (blocks_.empty()) return {};
  const Block& first = blocks_.front();
  return {first.memory.get() + first.begin, first.end - first.begin};
}

void ByteQueue::drop(std::size_t octets) noexcept {
  assert(octets <= size_);
  size_ -= octets;
  std::size_t emptied = 0;
  while (octets > 0) {
    Block& first = blocks_[emptied];
    const std::size_t n = std::min(octets, first.end - first.begin);
    first.begin += n;
    octets -= n;
    if (first.begin == first.end) {
      release(first);
      ++emptied;
    }
  }
  if (size_ == 0) {
    clear();
  } else if (emptied > 0) {
    blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(emptied));
  }
}

Octets ByteQueue::run(std::size_t from) const noexcept {
  assert(from < size_);
  for (const Block& block : blocks_) {
    const std::size_t held = block.end - block.begin;
    if (from < held) return {block.memory.get() + block.begin + from, held - from};
    from -= held;
  }
  return {};
}

void ByteQueue::clear() noexcept {
  for (Block& block : blocks_) release(block);
  std::vector<Block>().swap(blocks_);  // an idle session holds no buffer, not even an empty vector
  size_ = 0;
}

void ByteQueue::release(Block& block) noexcept {
  if (secret_ && block.memory) wipe(block.memory.get(), block.capacity);
  block.memory.reset();
}

}  // namespace postern
