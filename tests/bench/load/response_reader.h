// Cuts the server's octets into responses: a response ends at the line end that does not follow a literal's
// head. Bodies are skipped, not kept. Owned by one connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::bench {

class ResponseReader {
 public:
  enum class Response { None, Untagged, Continuation, Ok, Refused };  // Ok, Refused: tagged

  // Takes octets from the front of `input` up to the end of the next response; None: all were taken.
  Response next(std::string_view& input);
  void reset() { *this = {}; }

 private:
  Response classify() const;

  std::string line_;  // the line that is being read
  char first_ = 0;
  bool continued_ = false;  // this line stands behind a literal
  std::uint64_t literal_octets_ = 0;
};

}  // namespace postern::bench
