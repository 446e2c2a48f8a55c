#include "audit/writer/output.h"

#include <utility>

namespace postern::audit {
namespace {

constexpr std::size_t kKeptBytes = 1024 * 1024;

}  // namespace

int Output::write() {
  while (written_ < buffer_.size()) {
    int error = 0;
    const std::size_t count = file_->append(Octets(buffer_).substr(written_), error);
    written_ += count;
    size_ += count;
    dirty_ = dirty_ || (count > 0 && file_->is_regular());
    if (error != 0) return error;
  }
  written_ = 0;
  buffer_.clear();
  if (buffer_.capacity() > kKeptBytes) std::string().swap(buffer_);
  return 0;
}

int Output::sync() {
  const int error = file_->sync();
  if (error == 0) dirty_ = false;
  return error;
}

std::string Output::move_to(std::unique_ptr<File> file, std::uint64_t size) {
  const std::size_t end = written_ == 0 ? std::string::npos : buffer_.rfind('\n', written_ - 1);
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  std::string torn = buffer_.substr(whole, written_ - whole);
  buffer_.erase(0, whole);
  written_ = 0;
  file_ = std::move(file);
  size_ = size;
  dirty_ = false;
  return torn;
}

}  // namespace postern::audit
