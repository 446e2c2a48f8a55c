// The files of the trail behind an interface, so that tests can fill a disk, break a write, and lose what was
// not synced. Used by the writer's thread; every call may block. The real one is PosixDisk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"

namespace postern::audit {

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
struct FileStatus {
  FileIdentity identity;
  std::uint64_t size = 0;
  bool linked = true;  // false: it has no name any more
};

class File {
 public:
  virtual ~File() = default;
  // Appends. Returns how many octets were written: fewer than given only with `error` set, which is errno.
  // EAGAIN: nobody reads the pipe at the moment; that is no failure, and comes after a tenth of a second.
  virtual std::size_t append(Octets octets, int& error) = 0;
  virtual int sync() = 0;  // fdatasync: 0 or errno
  virtual Result<FileStatus> status() = 0;
  virtual bool is_regular()
      const noexcept = 0;  // false: a pipe or a terminal; nothing of it is synced or read
};

class Disk {
 public:
  virtual ~Disk() = default;
  // For appending; made with 0640 if it is not there, and its name is on disk then. "-" is standard output.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;
  virtual std::optional<FileIdentity> identity(const std::string& path) = 0;  // nothing: no such file
  // At most so many octets; fewer only at the end of the file.
  virtual Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t most) = 0;
  // All or nothing, also across a power failure: a temporary file with 0600, synced, renamed over `path`, and
  // the folder synced. What `path` held before is wiped as far as a file system lets one.
  virtual Result<void> replace(const std::string& path, Octets content) = 0;
  // Of a file that is there, in its place: so that nothing is left of what it held, and nothing is needed but
  // the right to write it. Synced.
  virtual Result<void> overwrite(const std::string& path, Octets content) = 0;
  // Also across a power failure.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual std::vector<std::string> list(const std::string& prefix) = 0;  // paths that begin so, sorted
  // Held as long as the Disk. Fails if somebody else holds it.
  virtual Result<void> lock(const std::string& path) = 0;
};

std::unique_ptr<Disk> make_posix_disk();

}  // namespace postern::audit
