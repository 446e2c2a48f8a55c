#include "net/connector.h"

#include <utility>

namespace postern::net {

ErrorCode error_of_connect(int uv_error) noexcept {
  switch (uv_error) {
    case UV_ECONNREFUSED:
      return ErrorCode::UpstreamRefused;
    case UV_ETIMEDOUT:
      return ErrorCode::UpstreamConnectTimeout;
    default:
      return ErrorCode::UpstreamDown;
  }
}

Connector::Connector(uv_loop_t* loop, StreamUser& user, Candidates candidates)
    : loop_(loop), user_(user), candidates_(std::move(candidates)), why_(candidates_.why_empty) {}

StreamPtr Connector::dial_next() {
  if (exhausted()) return nullptr;
  StreamPtr stream = Stream::make(loop_, user_);
  const int rc = stream->connect(candidates_.endpoints[next_++].address);
  if (rc == 0) return stream;
  failed(error_of_connect(rc));
  return nullptr;
}

}  // namespace postern::net
