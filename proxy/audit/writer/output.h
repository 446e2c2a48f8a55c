// The file that is written, and the lines that are not in it yet: a write that stops half way goes on where
// it stopped. The writer's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "audit/trail/disk.h"

namespace postern::audit {

class Output {
 public:
  explicit Output(std::unique_ptr<File> file) : file_(std::move(file)) {}

  File& file() noexcept { return *file_; }
  bool is_regular() const noexcept { return file_->is_regular(); }
  // Whole lines to be written are appended here.
  std::string& buffer() noexcept { return buffer_; }
  bool pending() const noexcept { return !buffer_.empty(); }

  // Everything in the buffer. 0, or errno; then the rest stays. EAGAIN: nobody reads the pipe for now.
  int write();
  // 0 or errno; after an error nothing that was written since the last one may be relied on.
  int sync();
  bool dirty() const noexcept { return dirty_; }  // something is written and not synced
  // So long is the file by our own count: from status() at its opening, and what was written since.
  std::uint64_t size() const noexcept { return size_; }
  void set_size(std::uint64_t size) noexcept { size_ = size; }

  // Goes on in another file. Lines that are whole in the old one are not repeated; one that was begun there
  // is written again, and what the old one holds of it is returned: octets that end it and are no record.
  std::string move_to(std::unique_ptr<File> file, std::uint64_t size);

 private:
  std::unique_ptr<File> file_;
  std::string buffer_;
  std::size_t written_ = 0;  // of the buffer
  std::uint64_t size_ = 0;
  bool dirty_ = false;
};

}  // namespace postern::audit
