// Notices that certificates, keys, CAs or ticket keys on disk were replaced, by looking at them: device,
// inode, time of change and size of what each path leads to in the end. So it sees an edit in place, a rename
// over the file and the swap of a directory's symlink alike (a Kubernetes Secret), on every file system,
// where notifications have been missed by many. Main thread; a few stat calls every kEveryMs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "crypto/random.h"
#include "crypto/siphash.h"

namespace postern::server {

class FileWatch {
 public:
  static constexpr std::uint64_t kEveryMs = 5000;

  // Remembers how the files are now. To be called before they are read, so that a change in between is seen.
  void watch(std::vector<std::string> paths);
  // Whether any of them is different since watch(), or since this said so last.
  bool changed();
  // Whether the content is what it was at watch() all the same: only the files around it were made anew.
  bool same_content() const { return digest() == digest_; }

 private:
  struct Identity {
    bool exists = false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;
    std::uint64_t size = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identify(const std::string& path);
  std::uint64_t digest() const;

  std::vector<std::string> paths_;
  std::vector<Identity> known_;
  std::uint64_t digest_ = 0;
  SipKey key_ = RandomSource().key();  // a digest of a private key is nobody's to compare with
};

// All files that TLS takes from disk.
std::vector<std::string> tls_files(const config::Settings& settings);

}  // namespace postern::server
