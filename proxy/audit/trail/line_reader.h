// The lines of a file one after the other, in bounded memory whatever the file holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/trail/disk.h"
#include "base/octets.h"
#include "base/result.h"

namespace postern::audit {

class LineReader {
 public:
  struct Piece {
    Octets line;  // without its line end; valid until the next call
    std::uint64_t offset = 0;
    // False: the file ends here without a line end, or this is a part of something longer than any record.
    bool whole = false;
  };

  LineReader(Disk& disk, std::string path, std::uint64_t offset)
      : disk_(disk), path_(std::move(path)), offset_(offset) {}

  // Nothing: the end of the file.
  Result<std::optional<Piece>> next();
  std::uint64_t offset() const noexcept { return offset_; }  // behind the last piece

 private:
  Disk& disk_;
  std::string path_;
  std::uint64_t offset_;
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
  bool at_end_ = false;
};

}  // namespace postern::audit
