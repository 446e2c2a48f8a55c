#include "base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace postern {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
Descriptor something() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(Descriptor, ClosesWhatItOwns) {
  int fd = -1;
  {
    const Descriptor file = something();
    ASSERT_TRUE(file.valid());
    fd = file.fd();
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(Descriptor, HasOneOwner) {
  Descriptor first = something();
  const int fd = first.fd();
  Descriptor second = std::move(first);
  EXPECT_EQ(second.fd(), fd);
  Descriptor third = something();
  const int replaced = third.fd();
  third = std::move(second);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_EQ(third.fd(), fd);
  Descriptor released(third.release());
  EXPECT_FALSE(third.valid());
  EXPECT_TRUE(is_open(fd));
}

TEST(Descriptor, LeavesTheErrorThatIsToBeTold) {
  Descriptor closed(1 << 20);  // no such descriptor: close() fails
  errno = ENOENT;
  closed.close();
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace postern
