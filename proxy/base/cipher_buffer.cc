#include "base/cipher_buffer.h"

#include <cstring>
#include <utility>

namespace postern {

bool CipherBuffer::append(Octets octets) noexcept {
  if (octets.size() > room()) return false;
  if (octets.empty()) return true;
  std::memcpy(memory_.get() + size_, octets.data(), octets.size());
  size_ += octets.size();
  return true;
}

std::unique_ptr<char[]> CipherBuffer::donate() {
  std::unique_ptr<char[]> fresh(new char[kBytes]);
  std::swap(memory_, fresh);
  size_ = 0;
  return fresh;
}

}  // namespace postern
