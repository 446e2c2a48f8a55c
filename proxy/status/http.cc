#include "status/http.h"

#include <llhttp.h>

#include <utility>

namespace postern::server {
namespace {

const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Bad Request";
  }
}

// RFC 9112 §3.2: a target is a path, or a whole URL if the client takes us for a proxy.
std::string_view path_and_query(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const std::size_t slash = target.find('/', kScheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

struct HttpSession::Impl {
  Impl(Handler handler_in, Date date_in) : handler(std::move(handler_in)), date(std::move(date_in)) {
    llhttp_settings_init(&settings);
    settings.on_message_begin = [](llhttp_t* p) { return self(p).begin(); };
    settings.on_url = [](llhttp_t* p, const char* at, std::size_t n) { return self(p).add_url({at, n}); };
    settings.on_headers_complete = [](llhttp_t* p) { return self(p).head_complete(); };
    settings.on_message_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
  }

  static Impl& self(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  int begin() {
    target.clear();
    refused = 0;
    return HPE_OK;
  }
  int add_url(std::string_view octets) {
    target += octets;
    return HPE_OK;
  }

  // An Upgrade (h2c, websocket) is not taken up: the request is answered as it stands (RFC 9110 §7.8).
  int head_complete() {
    parser.upgrade = 0;
    const bool has_body = parser.content_length > 0 || (parser.flags & F_TRANSFER_ENCODING) != 0;
    if (parser.method == HTTP_CONNECT) refused = 405;
    if (has_body) refused = 413;
    return refused == 0 ? HPE_OK : HPE_USER;
  }

  // Looks at `waiting` until there is an answer to be sent or no more to look at.
  void run() {
    while (output.empty() && !closing && !waiting.empty()) {
      const std::string octets = std::exchange(waiting, {});
      step(octets);
    }
  }

  void step(std::string_view octets) {
    // What exceeds the head's limit is never shown to the parser.
    const std::string_view now = octets.substr(0, kHeadBytes + 1 - head_bytes);
    const llhttp_errno_t error = llhttp_execute(&parser, now.data(), now.size());
    if (error == HPE_OK) {
      head_bytes += now.size();
      started = started || now.find_first_not_of("\r\n") != std::string_view::npos;
      waiting = octets.substr(now.size());
      if (head_bytes > kHeadBytes) refuse(431);
      return;
    }
    if (error != HPE_PAUSED) return refuse(refused == 0 ? 400 : refused);
    const auto used = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - now.data());
    if (head_bytes + used > kHeadBytes) return refuse(431);
    waiting = octets.substr(used);
    head_bytes = 0;
    started = false;
    closing = llhttp_should_keep_alive(&parser) == 0;
    answer();
    llhttp_resume(&parser);
  }

  void answer() {
    const bool head = parser.method == HTTP_HEAD;
    if (!head && parser.method != HTTP_GET) {
      respond({405, "text/plain; charset=utf-8", "only GET and HEAD\n"}, true);
      return;
    }
    const std::string_view whole = path_and_query(target);
    const std::size_t mark = whole.find('?');
    HttpRequest request{std::string(whole.substr(0, mark)), {}};
    if (mark != std::string_view::npos) request.query = whole.substr(mark + 1);
    respond(handler(request), !head);
  }

  void refuse(int status) {
    closing = true;
    waiting.clear();
    respond({status, "text/plain; charset=utf-8", std::string(reason_of(status)) + "\n"}, true);
  }

  void respond(const HttpResponse& response, bool with_body) {
    output = "HTTP/1.1 " + std::to_string(response.status) + " " + reason_of(response.status) + "\r\n";
    output += "Date: " + date() + "\r\nContent-Type: ";
    output += response.content_type;
    output += "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n";
    if (response.status == 405) output += "Allow: GET, HEAD\r\n";
    output += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: ";
    output += closing ? "close\r\n\r\n" : "keep-alive\r\n\r\n";
    if (with_body) output += response.body;
  }

  Handler handler;
  Date date;
  llhttp_settings_t settings{};
  llhttp_t parser{};
  std::string target;
  std::string waiting;  // read and not yet looked at
  std::string output;
  std::size_t head_bytes = 0;  // of the request whose head is not complete
  bool started = false;        // it has begun: empty lines between requests do not count
  int refused = 0;
  bool closing = false;
};

HttpSession::HttpSession(Handler handler, Date date)
    : impl_(std::make_unique<Impl>(std::move(handler), std::move(date))) {}
HttpSession::~HttpSession() = default;

void HttpSession::input(std::string_view octets) {
  if (impl_->closing) return;
  impl_->waiting += octets;
  impl_->run();
}

const std::string& HttpSession::output() const noexcept { return impl_->output; }

void HttpSession::sent() {
  impl_->output.clear();
  impl_->run();
}

bool HttpSession::closing() const noexcept { return impl_->closing; }
bool HttpSession::in_request() const noexcept { return impl_->started; }

}  // namespace postern::server
