#include "unit/base/freed_memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace postern::testing {
namespace {

thread_local bool watching = false;
thread_local int freed_blocks = 0;
thread_local int freed_canaries = 0;

void look_at(void* memory) noexcept {
  if (!watching || memory == nullptr) return;
  ++freed_blocks;
  const std::string_view block(static_cast<char*>(memory), malloc_usable_size(memory));
  // Half of it is enough: a piece of a password is a secret too.
  if (std::search(block.begin(), block.end(), kCanary.begin(), kCanary.begin() + 14) != block.end())
    ++freed_canaries;
}

}  // namespace

Watch::Watch() {
  freed_blocks = freed_canaries = 0;
  watching = true;
}
Watch::~Watch() { watching = false; }
int Watch::blocks() const { return freed_blocks; }
int Watch::canaries() const { return freed_canaries; }

}  // namespace postern::testing

void* operator new[](std::size_t size) {
  void* const memory = std::calloc(1, size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete[](void* memory) noexcept {
  postern::testing::look_at(memory);
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  postern::testing::look_at(memory);
  std::free(memory);
}
