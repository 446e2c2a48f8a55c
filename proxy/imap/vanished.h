// Counts the UIDs of `* VANISHED` (RFC 7162 §3.2.10), whose line may be of any length, as it streams by.
// Those of VANISHED (EARLIER) are gone since long and count nothing. Pure; holds no octet.
#pragma once

#include <cstdint>

#include "base/octets.h"

namespace postern::imap {

class VanishedCount {
 public:
  // What stands behind the keyword, in pieces of any size. More than 2^32 UIDs cannot be.
  void feed(Octets octets) noexcept;
  std::uint64_t count() const noexcept { return count_; }  // final behind the line end

 private:
  void end_range() noexcept;

  std::uint64_t count_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t number_ = 0;
  bool has_number_ = false;
  bool has_first_ = false;
  bool ignored_ = false;
};

}  // namespace postern::imap
