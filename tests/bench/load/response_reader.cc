#include "load/response_reader.h"

#include <algorithm>
#include <charconv>

namespace postern::bench {

namespace {

// The octets of the literal that the line announces, or 0.
std::uint64_t literal_of(std::string_view line) {
  if (!line.ends_with('}')) return 0;
  const auto brace = line.rfind('{');
  if (brace == std::string_view::npos) return 0;
  std::uint64_t octets = 0;
  std::from_chars(line.data() + brace + 1, line.data() + line.size() - 1, octets);
  return octets;
}

}  // namespace

ResponseReader::Response ResponseReader::next(std::string_view& input) {
  while (!input.empty()) {
    if (literal_octets_ > 0) {
      const auto skipped = std::min<std::uint64_t>(literal_octets_, input.size());
      literal_octets_ -= skipped;
      input.remove_prefix(skipped);
      continue;
    }
    const auto end = input.find('\n');
    line_.append(input.substr(0, end));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (end == std::string_view::npos) return Response::None;
    if (line_.ends_with('\r')) line_.pop_back();
    if (!continued_) first_ = line_.empty() ? '\0' : line_.front();
    literal_octets_ = literal_of(line_);
    continued_ = literal_octets_ > 0;
    if (!continued_) {
      const Response response = classify();
      line_.clear();
      return response;
    }
    line_.clear();
  }
  return Response::None;
}

ResponseReader::Response ResponseReader::classify() const {
  if (first_ == '*') return Response::Untagged;
  if (first_ == '+') return Response::Continuation;
  const auto blank = line_.find(' ');
  const bool ok = blank != std::string::npos && line_.compare(blank + 1, 3, "OK ") == 0;
  return ok ? Response::Ok : Response::Refused;
}

}  // namespace postern::bench
