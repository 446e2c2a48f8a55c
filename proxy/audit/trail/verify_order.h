// In which order the files of a trail follow each other, and what kind of trail it is: what has to be known
// before a record can be proven. Looks at the first lines of each file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/trail/disk.h"
#include "base/result.h"

namespace postern::audit {

struct TrailFile {
  std::string path;
  std::uint64_t first = 0;  // sequence number of its first record
};

struct TrailShape {
  std::vector<TrailFile> files;  // in their order; without empty ones, FILE.state and FILE.lock
  bool chained = false;
  bool keyed = false;  // no line that was looked at is sealed without a key
};

// The error: a file cannot be read, or two of them begin with the same record.
Result<TrailShape> shape_of(Disk& disk, const std::vector<std::string>& paths);

}  // namespace postern::audit
