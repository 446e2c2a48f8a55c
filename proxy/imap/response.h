// One response of the upstream as the ResponseScanner framed it. Views are borrowed and valid until the
// scanner's next call. Of a line longer than ResponseScanner::kHeadBytes that is not gathered, code and text
// end where the head ends.
#pragma once

#include <cstdint>

#include "base/octets.h"

namespace postern::imap {

enum class ResponseKind : std::uint8_t { Untagged, Tagged, Continuation };
enum class Status : std::uint8_t { None, Ok, No, Bad, Bye, Preauth };  // RFC 9051 §7.1

struct Response {
  ResponseKind kind = ResponseKind::Untagged;
  Octets tag;  // of a tagged response
  Status status = Status::None;
  Octets keyword;  // of untagged data: "CAPABILITY", "EXPUNGE", "FETCH", …, as written
  bool has_number = false;
  std::uint64_t number = 0;  // `* 5 EXPUNGE`
  Octets code;  // inside the brackets of a status response: "CAPABILITY IMAP4rev1 …"; empty if none
  Octets text;  // of a status response or a continuation: behind the code, without the line end
};

// A status response with that code, whatever its arguments (RFC 9051 §7.1).
inline bool has_code(const Response& response, Octets name) noexcept {
  const Octets code = response.code;
  return starts_ignoring_case(code, name) && (code.size() == name.size() || code[name.size()] == ' ');
}

}  // namespace postern::imap
