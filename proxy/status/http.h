// One HTTP/1.x connection as a value: octets in, octets out, no socket and no clock. Read-only by nature: GET
// and HEAD, no bodies. One request is answered before the next one behind it is looked at, so a client that
// pipelines gets no more memory than one answer. Owned by the status listener, main thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace postern::server {

struct HttpRequest {
  std::string path;   // as sent, not decoded
  std::string query;  // behind the question mark
};

struct HttpResponse {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpSession {
 public:
  static constexpr std::size_t kHeadBytes = 8 * 1024;

  // Called for GET and HEAD; answers 404 itself for what it does not know.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // The value of the Date header (RFC 9110 §6.6.1), asked once for each response; tests give a constant one.
  using Date = std::function<std::string()>;

  HttpSession(Handler handler, Date date);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  // Takes all of `octets`. Call only while output() is empty.
  void input(std::string_view octets);
  // What is to be sent; empty if nothing is.
  const std::string& output() const noexcept;
  // All of output() was sent: goes on with what the client had pipelined.
  void sent();

  bool closing() const noexcept;     // to be closed once output() is sent
  bool in_request() const noexcept;  // the head of a request has begun and is not complete

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::server
