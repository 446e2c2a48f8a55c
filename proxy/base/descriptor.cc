#include "base/descriptor.h"

#include <unistd.h>

#include <cerrno>

namespace postern {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

// Whoever closes on the way out of a failure still wants to tell of that one.
void Descriptor::close() noexcept {
  if (fd_ < 0) return;
  const int before = errno;
  ::close(release());
  errno = before;
}

}  // namespace postern
