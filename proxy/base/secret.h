// Octets that must never be seen: passwords, tokens, SASL responses. A Secret cannot be printed, compared or
// turned into a string by accident; its memory is wiped when it ends. Whoever needs the octets says reveal(),
// and a reviewer can search for that word. Single-threaded, owns its memory.
#pragma once

#include <cstddef>
#include <memory>

#include "base/octets.h"

namespace postern {

// Overwrites memory in a way that the compiler may not drop.
void wipe(void* memory, std::size_t size) noexcept;
inline void wipe(std::string& text) noexcept {
  wipe(text.data(), text.capacity());  // the whole capacity: a shorter value may have followed a longer one
  text.clear();
}

class Secret {
 public:
  Secret() = default;
  explicit Secret(Octets octets);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  void clear() noexcept;
  void append(Octets octets);  // wipes the smaller memory that it outgrows
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  Octets reveal() const noexcept { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace postern
