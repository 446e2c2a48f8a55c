#include "proxy_protocol/proxy_header_reader.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

namespace postern::net {
namespace {

using telemetry::ProxyError;

// A header of the usual size at once; a longer one takes another turn.
constexpr std::size_t kPeekBytes = 512;

ssize_t receive(int fd, char* out, std::size_t size, int flags) noexcept {
  ssize_t got = 0;
  do got = ::recv(fd, out, size, flags);
  while (got < 0 && errno == EINTR);
  return got;
}

}  // namespace

// Lives until libuv has closed both handles, which may be after the reader.
struct ProxyHeaderReader::Handles {
  uv_poll_t poll{};
  uv_timer_t timer{};
  ProxyHeaderParser parser;
  ProxyHeaderReader* owner = nullptr;  // null: nobody is to be called any more
  int open = 2;

  void read() noexcept;
  void refuse(ProxyError error, std::string_view why) noexcept;
  void closed() noexcept {
    if (--open == 0) delete this;
  }

  static void on_ready(uv_poll_t* poll, int status, int) noexcept {
    auto& self = *static_cast<Handles*>(poll->data);
    if (status < 0) return self.refuse(ProxyError::Closed, "the connection broke");
    self.read();
  }
  static void on_timer(uv_timer_t* timer) noexcept {
    auto& self = *static_cast<Handles*>(timer->data);
    self.refuse(ProxyError::Timeout, self.parser.has_begun()
                                         ? "the header was not whole within limits.timeouts.handshake"
                                         : "no header within limits.timeouts.handshake");
  }
};

void ProxyHeaderReader::Handles::read() noexcept {
  char octets[kPeekBytes];
  for (;;) {
    const int fd = owner->client_.fd();
    const ssize_t seen = receive(fd, octets, sizeof octets, MSG_PEEK);
    if (seen < 0 && errno == EAGAIN) return;
    if (seen <= 0)
      return refuse(ProxyError::Closed, parser.has_begun() ? "the connection ended inside of the header"
                                                           : "the connection ended without a header");
    Octets rest(octets, static_cast<std::size_t>(seen));
    const ProxyHeaderParser::Status status = parser.feed(rest);
    const std::size_t taken = static_cast<std::size_t>(seen) - rest.size();
    if (receive(fd, octets, taken, 0) != static_cast<ssize_t>(taken))
      return refuse(ProxyError::Closed, "the connection broke");
    switch (status) {
      case ProxyHeaderParser::Status::NeedMore:
        continue;
      case ProxyHeaderParser::Status::Failed:
        return refuse(parser.error(), parser.why());
      case ProxyHeaderParser::Status::Done:
        // The descriptor gets another handle of libuv's in there: this one must have let go of it.
        ProxyHeaderReader& reader = *owner;
        reader.close_handles();
        return reader.user_.header_read(reader, parser.header());
    }
  }
}

void ProxyHeaderReader::Handles::refuse(ProxyError error, std::string_view why) noexcept {
  ProxyHeaderReader& reader = *owner;
  reader.close_handles();
  reader.user_.header_refused(reader, error, why, !parser.has_begun());
}

ProxyHeaderReader::ProxyHeaderReader(ProxyHeaderUser& user, std::size_t listener, Socket client, Peer peer)
    : user_(user), listener_(listener), client_(std::move(client)), peer_(std::move(peer)) {}

ProxyHeaderReader::~ProxyHeaderReader() { close_handles(); }

int ProxyHeaderReader::start(uv_loop_t* loop, Duration time_limit) {
  auto handles = std::make_unique<Handles>();
  if (const int rc = uv_poll_init_socket(loop, &handles->poll, client_.fd()); rc != 0) return rc;
  uv_timer_init(loop, &handles->timer);
  handles->poll.data = handles->timer.data = handles.get();
  handles->owner = this;
  handles_ = handles.release();
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(time_limit).count();
  uv_timer_start(&handles_->timer, Handles::on_timer, static_cast<std::uint64_t>(wait), 0);
  return uv_poll_start(&handles_->poll, UV_READABLE, Handles::on_ready);
}

void ProxyHeaderReader::close_handles() noexcept {
  Handles* const handles = std::exchange(handles_, nullptr);
  if (handles == nullptr) return;
  handles->owner = nullptr;
  const auto closed = [](uv_handle_t* handle) { static_cast<Handles*>(handle->data)->closed(); };
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->poll), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->timer), closed);
}

}  // namespace postern::net
