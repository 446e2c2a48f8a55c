#include "audit/trail/line_reader.h"

#include <utility>

#include "audit/trail/json.h"

namespace postern::audit {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

Result<std::optional<LineReader::Piece>> LineReader::next() {
  std::size_t searched = used_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    const std::size_t left = buffer_.size() - used_;
    if (end == std::string::npos && left <= kLineBytes && !at_end_) {
      buffer_.erase(0, used_);
      used_ = 0;
      searched = buffer_.size();
      Result<std::string> more = disk_.read(path_, offset_ + buffer_.size(), kReadBytes);
      if (!more) return more.error();
      at_end_ = more->size() < kReadBytes;
      buffer_ += *more;
      continue;
    }
    if (end == std::string::npos && left == 0) return std::optional<Piece>();
    const std::size_t size = end == std::string::npos ? left : end - used_;
    const Piece piece{Octets(buffer_).substr(used_, size), offset_, end != std::string::npos};
    const std::size_t taken = size + (piece.whole ? 1 : 0);
    used_ += taken;
    offset_ += taken;
    return std::optional<Piece>(piece);
  }
}

}  // namespace postern::audit
