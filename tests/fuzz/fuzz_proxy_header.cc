// The first octets of a connection, from whoever can reach the listener: never a crash, the same result
// however they are cut, no octet taken behind the header's end, and never more than the longest header.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy_protocol/proxy_header.h"

namespace {

using postern::Octets;
using postern::net::ProxyHeader;
using postern::net::ProxyHeaderParser;
using postern::telemetry::ProxyError;
using Status = ProxyHeaderParser::Status;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string text_of(const postern::net::Peer& peer) { return peer.address + " " + std::to_string(peer.port); }

struct Outcome {
  Status status = Status::NeedMore;
  std::size_t taken = 0;
  std::string said;

  bool operator==(const Outcome&) const = default;
};

// In pieces of at most `step`, each in memory of its own, so that a read beyond one is found.
Outcome parse(std::string_view octets, std::size_t step) {
  ProxyHeaderParser parser;
  Outcome outcome;
  while (outcome.status == Status::NeedMore && !octets.empty()) {
    const std::string_view part = octets.substr(0, step);
    const std::vector<char> piece(part.begin(), part.end());
    Octets rest(piece.data(), piece.size());
    outcome.status = parser.feed(rest);
    require(outcome.status != Status::NeedMore || rest.empty());
    require(rest.size() < piece.size());
    outcome.taken += piece.size() - rest.size();
    octets.remove_prefix(piece.size() - rest.size());
  }
  if (outcome.status == Status::Failed) {
    require(!parser.why().empty());
    require(parser.error() == ProxyError::Malformed || parser.error() == ProxyError::Checksum);
    outcome.said = parser.why();
  }
  if (outcome.status == Status::Done) {
    const ProxyHeader& header = parser.header();
    for (const auto* end : {&header.source, &header.destination})
      require(header.has_addresses == postern::config::parse_address(end->address).has_value());
    if (header.has_addresses) outcome.said = text_of(header.source) + " " + text_of(header.destination);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const Outcome whole = parse(octets, size + 1);
  require(whole.taken <= ProxyHeaderParser::kMaximum);
  require(parse(octets, 1) == whole);
  require(parse(octets, 7) == whole);
  // What was taken is the header: alone it says the same, and with one octet less it is not over.
  require(parse(octets.substr(0, whole.taken), size + 1) == whole);
  if (whole.status != Status::NeedMore)
    require(parse(octets.substr(0, whole.taken - 1), size + 1).status == Status::NeedMore);
  return 0;
}
