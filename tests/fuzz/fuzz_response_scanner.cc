// The ResponseScanner over any octets: the first octet chooses where the input is cut, the rest is the
// upstream. Held to:
//  - all ranges together are the input that was consumed, octet for octet;
//  - however the input is cut, the same responses come out, and the same is learned of mailbox names;
//  - no more is held than a head or a line that is gathered;
//  - every response ends with a line end.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "imap/capability.h"
#include "imap/mailbox_naming.h"
#include "imap/response_scanner.h"

namespace {

using namespace postern;
using namespace postern::imap;

void require(bool holds) {
  if (!holds) std::abort();
}

void add_head(std::string& out, const Response& response) {
  out.append("\n" + std::to_string(static_cast<int>(response.kind)) +
             std::to_string(static_cast<int>(response.status)));
  out.append("|").append(response.tag).append("|").append(response.keyword);
  if (response.has_number) out.append("#" + std::to_string(response.number));
  out.append("|").append(response.code).append("|").append(response.text).append("|");
  require(response.tag.size() <= 128);
  require((response.kind == ResponseKind::Tagged) == !response.tag.empty());
  for (const std::string& name : parse_capabilities(response.code)) (void)find_capability(name);
}

std::string run(Octets input, std::size_t cut) {
  ResponseScanner scanner;
  MailboxNaming naming;
  std::string events;
  std::string passed;
  bool open = false;
  bool lost = false;
  for (std::size_t at = 0; at < input.size() && !lost; at += cut) {
    const std::string piece(input.substr(at, cut));  // in memory of its own
    Octets in = piece;
    for (;;) {
      const ResponseEvent event = scanner.next(in);
      require(scanner.held_octets() <= ResponseScanner::kContinuationBytes);
      if (event == ResponseEvent::NeedMore) {
        require(in.empty());
        break;
      }
      if (event == ResponseEvent::Malformed) {
        require(scanner.excerpt().size() <= 16);
        events.append("\nlost ").append(label_of(scanner.error()));
        lost = true;
        break;
      }
      require((event == ResponseEvent::Head) == !open);
      if (event == ResponseEvent::Head) {
        add_head(events, scanner.response());
        naming.learn(scanner.response(), scanner.octets());
        events.append(naming.canonical("#news/a.b\\c&AOQ-d").name).append("|");
      }
      require(!scanner.octets().empty());
      events.append(scanner.octets());
      passed.append(scanner.octets());
      open = !scanner.complete();
      require(open || scanner.octets().ends_with('\n'));
      require(scanner.at_boundary() == !open);
    }
    scanner.release();
  }
  require(input.starts_with(passed));
  // What was consumed and not passed on is held: it is the head of a line, or it is lost.
  require(lost || input.size() - passed.size() <= scanner.held_octets());
  require(lost || !open || passed.size() == input.size());
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const Octets input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = run(input, std::max<std::size_t>(input.size(), 1));
  require(run(input, 1) == whole);
  require(run(input, std::size_t{2} + data[0]) == whole);
  return 0;
}
