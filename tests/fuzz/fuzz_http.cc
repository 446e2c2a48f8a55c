// HTTP from anybody who can reach the status listener: never a crash, every answer well framed, at most one
// answer waiting at a time, nothing answered after a closing one, and the same answers however the octets are
// cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "status/http.h"

namespace {

using postern::server::HttpRequest;
using postern::server::HttpResponse;
using postern::server::HttpSession;

void require(bool holds) {
  if (!holds) std::abort();
}

HttpResponse handle(const HttpRequest& request) {
  require(request.path.find('?') == std::string::npos);
  require(request.path.size() + request.query.size() <= HttpSession::kHeadBytes);
  if (request.path != "/livez") return {404, "text/plain; charset=utf-8", "not found\n"};
  return {200, "text/plain; charset=utf-8", "ok\n"};
}

// A status line, headers, an empty line, and as many octets as were announced (none for HEAD).
void check_answer(std::string_view answer) {
  require(answer.starts_with("HTTP/1.1 "));
  const std::size_t head = answer.find("\r\n\r\n");
  require(head != std::string_view::npos);
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::size_t length = answer.find(kLength);
  require(length < head);
  const std::size_t announced = std::strtoul(answer.data() + length + kLength.size(), nullptr, 10);
  const std::size_t body = answer.size() - head - 4;
  require(body == announced || body == 0);
}

// Everything answered, with the octets given in pieces of at most `step`.
std::string talk(std::string_view octets, std::size_t step) {
  HttpSession session(handle, [] { return std::string("Sat, 21 Nov 2026 00:00:00 GMT"); });
  std::string all;
  for (std::size_t at = 0; at < octets.size() && !session.closing(); at += step) {
    session.input(octets.substr(at, step));
    while (!session.output().empty()) {
      check_answer(session.output());
      all += session.output();
      const bool last = session.closing();
      session.sent();
      if (last) require(session.output().empty());
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::string whole = talk(octets, size + 1);
  require(talk(octets, 1) == whole);
  require(talk(octets, 7) == whole);
  return 0;
}
