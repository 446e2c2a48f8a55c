#include "audit/trail/disk.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "base/folder.h"

namespace postern::audit {
namespace {

constexpr int kPipePatienceMs = 100;
constexpr std::size_t kPipePieceBytes = 4096;  // PIPE_BUF: what poll() promises room for

Error failed(const char* what, const std::string& path, int error) {
  return {ErrorCode::SystemCall, std::string("cannot ") + what + " " + path + ": " + std::strerror(error)};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int open_retrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// 0 or errno.
int write_all(int fd, Octets octets, off_t at) {
  while (!octets.empty()) {
    const ssize_t written = pwrite(fd, octets.data(), octets.size(), at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    octets.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
  return 0;
}

// The names in a folder as they stand now. 0 or errno.
int sync_folder_of(const std::string& path) {
  const Descriptor folder(open_retrying(folder_of(path), O_RDONLY | O_DIRECTORY));
  return folder.valid() && fsync(folder.fd()) == 0 ? 0 : errno;
}

class PosixFile final : public File {
 public:
  // `own` is invalid where `fd` is somebody else's, as standard output is.
  PosixFile(Descriptor own, int fd, bool regular) : own_(std::move(own)), fd_(fd), regular_(regular) {}

  std::size_t append(Octets octets, int& error) override {
    std::size_t done = 0;
    error = 0;
    while (done < octets.size()) {
      if (!regular_ && !can_take()) {
        error = EAGAIN;
        return done;
      }
      const std::size_t most =
          regular_ ? octets.size() - done : std::min(kPipePieceBytes, octets.size() - done);
      const ssize_t written = ::write(fd_, octets.data() + done, most);
      if (written > 0) done += static_cast<std::size_t>(written);
      if (written < 0 && errno != EINTR) {
        error = errno;
        return done;
      }
    }
    return done;
  }

  int sync() override { return !regular_ || fdatasync(fd_) == 0 ? 0 : errno; }

  Result<FileStatus> status() override {
    struct stat now {};
    if (fstat(fd_, &now) != 0) return Error{ErrorCode::SystemCall, std::strerror(errno)};
    return FileStatus{{now.st_dev, now.st_ino}, static_cast<std::uint64_t>(now.st_size), now.st_nlink > 0};
  }

  bool is_regular() const noexcept override { return regular_; }

 private:
  // An error too: write() is to say which.
  bool can_take() const {
    pollfd ready{fd_, POLLOUT, 0};
    return poll(&ready, 1, kPipePatienceMs) > 0;
  }

  Descriptor own_;
  int fd_;
  bool regular_;
};

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path) override {
    if (path == "-") return wrap({}, STDOUT_FILENO);
    // A pipe that nobody reads is an error at once (ENXIO) instead of a wait.
    constexpr int kFlags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY;
    Descriptor file(open_retrying(path, kFlags));
    if (!file.valid() && errno == ENOENT) {
      file = Descriptor(open_retrying(path, kFlags | O_CREAT, 0640));
      if (file.valid())
        if (const int error = sync_folder_of(path); error != 0) return failed("make", path, error);
    }
    if (!file.valid() && errno == ENXIO)
      return Error{ErrorCode::SystemCall, "nobody reads the pipe " + path + ": start its reader first"};
    if (!file.valid()) return failed("open", path, errno);
    const int fd = file.fd();
    return wrap(std::move(file), fd);
  }

  std::optional<FileIdentity> identity(const std::string& path) override {
    struct stat now {};
    if (stat(path.c_str(), &now) != 0) return std::nullopt;
    return FileIdentity{now.st_dev, now.st_ino};
  }

  Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t most) override {
    const Descriptor file(open_retrying(path, O_RDONLY | O_NONBLOCK));
    if (!file.valid()) return failed("read", path, errno);
    std::string out(most, '\0');
    std::size_t got = 0;
    while (got < most) {
      const ssize_t count = pread(file.fd(), out.data() + got, most - got, static_cast<off_t>(offset + got));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("read", path, errno);
      if (count == 0) break;
      got += static_cast<std::size_t>(count);
    }
    out.resize(got);
    return out;
  }

  Result<void> replace(const std::string& path, Octets content) override {
    const std::string temporary = path + ".tmp";
    {
      const Descriptor file(open_retrying(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
      if (!file.valid()) return failed("make", temporary, errno);
      int error = fchmod(file.fd(), 0600) == 0 ? 0 : errno;
      if (error == 0) error = write_all(file.fd(), content, 0);
      if (error == 0 && fsync(file.fd()) != 0) error = errno;
      if (error != 0) {
        unlink(temporary.c_str());
        return failed("write", temporary, error);
      }
    }
    const Descriptor before(open_retrying(path, O_WRONLY | O_NOFOLLOW));
    if (Result<void> moved = rename(temporary, path); !moved) return moved;
    // The key of an epoch that is over must not stay behind in a block that is free now.
    struct stat old {};
    if (before.valid() && fstat(before.fd(), &old) == 0 && old.st_nlink == 0) {
      const std::string zeros(static_cast<std::size_t>(old.st_size), '\0');
      if (write_all(before.fd(), zeros, 0) == 0) fdatasync(before.fd());
    }
    return {};
  }

  Result<void> overwrite(const std::string& path, Octets content) override {
    const Descriptor file(open_retrying(path, O_WRONLY | O_NOFOLLOW));
    if (!file.valid()) return failed("write", path, errno);
    int error = write_all(file.fd(), content, 0);
    if (error == 0 && ftruncate(file.fd(), static_cast<off_t>(content.size())) != 0) error = errno;
    if (error == 0 && fsync(file.fd()) != 0) error = errno;
    if (error != 0) return failed("write", path, error);
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed(("rename " + from + " to").c_str(), to, errno);
    if (const int error = sync_folder_of(to); error != 0) return failed("sync the folder of", to, error);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return failed("remove", path, errno);
    return {};
  }

  std::vector<std::string> list(const std::string& prefix) override {
    const std::string folder = folder_of(prefix);
    const std::size_t slash = prefix.rfind('/');
    const std::size_t name_at = slash == std::string::npos ? 0 : slash + 1;
    std::vector<std::string> out;
    const FolderPtr entries = open_folder(folder.c_str());
    if (!entries) return out;
    while (const dirent* entry = readdir(entries.get()))
      if (Octets(entry->d_name).starts_with(Octets(prefix).substr(name_at)))
        out.push_back(prefix.substr(0, name_at) + entry->d_name);
    std::sort(out.begin(), out.end());
    return out;
  }

  Result<void> lock(const std::string& path) override {
    Descriptor file(open_retrying(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (!file.valid()) return failed("open", path, errno);
    if (flock(file.fd(), LOCK_EX | LOCK_NB) != 0)
      return errno == EWOULDBLOCK ? Error{ErrorCode::SystemCall, path + " is held by another process"}
                                  : failed("lock", path, errno);
    locks_.push_back(std::move(file));
    return {};
  }

 private:
  static Result<std::unique_ptr<File>> wrap(Descriptor own, int fd) {
    struct stat what {};
    if (fstat(fd, &what) != 0) return failed("look at", "the audit file", errno);
    if (S_ISDIR(what.st_mode)) return failed("write", "a folder", EISDIR);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(own), fd, S_ISREG(what.st_mode)));
  }

  std::vector<Descriptor> locks_;
};

}  // namespace

std::unique_ptr<Disk> make_posix_disk() { return std::make_unique<PosixDisk>(); }

}  // namespace postern::audit
