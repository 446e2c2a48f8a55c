// What the fake server answers, made once at the start: one mailbox of 100 messages. Message n has a header
// of 2 KiB and a body of n MiB, so that a client chooses the size of a download by the message's number.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::bench {

class Mailbox {
 public:
  static constexpr std::size_t kMessages = 100;
  static constexpr std::size_t kHeaderBytes = 2048;
  static constexpr std::string_view kCapabilities =
      "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN UIDPLUS MOVE UNSELECT NAMESPACE "
      "CHILDREN SPECIAL-USE";

  Mailbox();

  std::string_view select() const { return select_; }
  std::string_view flags() const { return flags_; }
  std::string headers(std::string_view set) const;  // set is n or 1:n

 private:
  std::string select_;
  std::string flags_;
  std::string header_;
};

}  // namespace postern::bench
