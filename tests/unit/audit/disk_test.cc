// The real disk, in a folder of the test's.
#include "audit/trail/disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "unit/tls/certificates.h"

namespace postern::audit {
namespace {

class PosixDiskTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder.path(name); }
  mode_t mode(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(stat(path(name).c_str(), &status), 0);
    return status.st_mode & 0777;
  }

  tls::testing::TempFolder folder;
  std::unique_ptr<Disk> disk = make_posix_disk();
};

TEST_F(PosixDiskTest, AppendsToWhatIsThere) {
  int error = 1;
  {
    auto file = disk->open(path("trail"));
    ASSERT_TRUE(file) << file.error().detail;
    EXPECT_TRUE((*file)->is_regular());
    EXPECT_EQ((*file)->append("first\n", error), 6U);
    EXPECT_EQ(error, 0);
    EXPECT_EQ((*file)->sync(), 0);
  }
  auto file = disk->open(path("trail"));
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->append("second\n", error), 7U);
  const auto status = (*file)->status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->size, 13U);
  EXPECT_TRUE(status->linked);
  EXPECT_EQ(disk->identity(path("trail")), status->identity);
  EXPECT_EQ(*disk->read(path("trail"), 6, 100), "second\n");
  EXPECT_EQ(*disk->read(path("trail"), 0, 5), "first");
  EXPECT_EQ(mode("trail") & 0137, 0);  // never for others, whatever the umask
  ASSERT_TRUE(disk->remove(path("trail")));
  EXPECT_FALSE((*file)->status()->linked);
  EXPECT_EQ(disk->identity(path("trail")), std::nullopt);
}

TEST_F(PosixDiskTest, ReplacesAllOrNothing) {
  ASSERT_TRUE(disk->replace(path("state"), "one\n"));
  EXPECT_EQ(mode("state"), 0600U);
  // Whoever has the old one open: what it held is wiped, but for a name that is left to it.
  const int before = open(path("state").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(before, 0);
  ASSERT_TRUE(disk->replace(path("state"), "number two\n"));
  EXPECT_EQ(*disk->read(path("state"), 0, 100), "number two\n");
  char octets[4] = {'x', 'x', 'x', 'x'};
  EXPECT_EQ(pread(before, octets, sizeof octets, 0), 4);
  EXPECT_EQ(std::string(octets, 4), std::string(4, '\0'));
  close(before);
  EXPECT_FALSE(std::filesystem::exists(path("state.tmp")));
  const auto failed = disk->replace(path("no/folder"), "x");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().detail.find(path("no/folder")), std::string::npos);
}

TEST_F(PosixDiskTest, OverwritesInPlace) {
  ASSERT_TRUE(disk->replace(path("key"), "a long secret that was here\n"));
  const auto before = disk->identity(path("key"));
  ASSERT_TRUE(disk->overwrite(path("key"), "taken\n"));
  EXPECT_EQ(disk->identity(path("key")), before);
  EXPECT_EQ(*disk->read(path("key"), 0, 100), "taken\n");
  EXPECT_FALSE(disk->overwrite(path("nothing"), "x"));
}

TEST_F(PosixDiskTest, ListsWhatBeginsSo) {
  for (const char* name : {"trail.2", "trail", "other", "trail.1"})
    ASSERT_TRUE(disk->replace(path(name), "x"));
  EXPECT_EQ(disk->list(path("trail")),
            (std::vector<std::string>{path("trail"), path("trail.1"), path("trail.2")}));
  ASSERT_TRUE(disk->rename(path("trail"), path("trail.3")));
  EXPECT_EQ(disk->list(path("trail.")).size(), 3U);
  EXPECT_TRUE(disk->list(path("no/folder/x")).empty());
}

TEST_F(PosixDiskTest, ALockIsHeldAgainstOthers) {
  ASSERT_TRUE(disk->lock(path("trail.lock")));
  std::unique_ptr<Disk> other = make_posix_disk();
  const auto refused = other->lock(path("trail.lock"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("another process"), std::string::npos);
  disk.reset();
  EXPECT_TRUE(other->lock(path("trail.lock")));
}

TEST_F(PosixDiskTest, AnErrorNamesTheFile) {
  const auto no_folder = disk->open(path("no/trail"));
  ASSERT_FALSE(no_folder);
  EXPECT_NE(no_folder.error().detail.find(path("no/trail") + ": No such file or directory"),
            std::string::npos);
  EXPECT_FALSE(disk->open(path(".")));
}

TEST_F(PosixDiskTest, APipeIsNeverWaitedForLong) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const auto unread = disk->open(path("pipe"));
  ASSERT_FALSE(unread);
  EXPECT_NE(unread.error().detail.find("start its reader first"), std::string::npos);
  const int reader = open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  auto file = disk->open(path("pipe"));
  ASSERT_TRUE(file) << file.error().detail;
  EXPECT_FALSE((*file)->is_regular());
  const std::string much(1024 * 1024, 'x');
  int error = 0;
  const std::size_t taken = (*file)->append(much, error);
  EXPECT_EQ(error, EAGAIN);
  EXPECT_GT(taken, 0U);
  EXPECT_LT(taken, much.size());
  std::string got(taken, '\0');
  ASSERT_EQ(read(reader, got.data(), taken), static_cast<ssize_t>(taken));
  EXPECT_EQ((*file)->append("more\n", error), 5U);
  EXPECT_EQ(error, 0);
  std::signal(SIGPIPE, SIG_IGN);
  close(reader);
  EXPECT_EQ((*file)->append("more\n", error), 0U);
  EXPECT_EQ(error, EPIPE);
}

}  // namespace
}  // namespace postern::audit
