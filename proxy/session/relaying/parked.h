// A command that had to wait before it could be judged or forwarded, with its octets: what the scanner lends
// does not outlive the call. Moves keep the views valid, because the text lies on the heap.
#pragma once

#include <memory>

#include "base/octets.h"
#include "imap/command.h"

namespace postern::session {

class ParkedCommand {
 public:
  explicit ParkedCommand(const imap::Command& command);
  ~ParkedCommand();
  ParkedCommand(ParkedCommand&&) noexcept = default;
  ParkedCommand& operator=(ParkedCommand&&) noexcept = default;

  imap::Command& command() noexcept { return command_; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
  imap::Command command_;
};

}  // namespace postern::session
