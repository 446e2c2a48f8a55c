#include "fake_upstream/mailbox.h"

#include <algorithm>
#include <cstdlib>

namespace postern::bench {

Mailbox::Mailbox() {
  select_ =
      "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
      "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags permitted.\r\n* " +
      std::to_string(kMessages) +
      " EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1700000000] UIDs valid\r\n* OK [UIDNEXT 101] Next UID\r\n";
  for (std::size_t n = 1; n <= kMessages; ++n) {
    const std::string number = std::to_string(n);
    flags_ += "* " + number + " FETCH (UID " + number + " FLAGS (\\Seen))\r\n";
  }
  header_ = "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: bench\r\n";
  while (header_.size() < kHeaderBytes - 2)
    header_ +=
        "X-Filler: " + std::string(std::min<std::size_t>(60, kHeaderBytes - header_.size()), 'x') + "\r\n";
  header_.resize(kHeaderBytes - 4);
  header_ += "\r\n\r\n";
}

std::string Mailbox::headers(std::string_view set) const {
  const std::string text(set);
  const auto colon = text.find(':');
  const std::size_t first = std::strtoul(text.c_str(), nullptr, 10);
  std::size_t last = colon == std::string::npos ? first : std::strtoul(&text[colon + 1], nullptr, 10);
  last = std::min(last, kMessages);
  std::string out;
  for (std::size_t n = first; n <= last; ++n) {
    const std::string number = std::to_string(n);
    out += "* " + number + " FETCH (UID " + number + " BODY[HEADER] {" + std::to_string(header_.size()) +
           "}\r\n" + header_ + ")\r\n";
  }
  return out;
}

}  // namespace postern::bench
