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

telemetry::ConnectResult result_of(ErrorCode code) noexcept {
  using telemetry::ConnectResult;
  switch (code) {
    case ErrorCode::Ok:
      return ConnectResult::Ok;
    case ErrorCode::UpstreamRefused:
      return ConnectResult::Refused;
    case ErrorCode::UpstreamConnectTimeout:
    case ErrorCode::UpstreamLoginTimeout:
    case ErrorCode::UpstreamSilent:
      return ConnectResult::Timeout;
    case ErrorCode::UpstreamDns:
      return ConnectResult::Dns;
    case ErrorCode::UpstreamTls:
    case ErrorCode::UpstreamCertificate:
    case ErrorCode::UpstreamStarttls:
      return ConnectResult::Tls;
    case ErrorCode::UpstreamGreeting:
    case ErrorCode::UpstreamPreauth:
    case ErrorCode::UpstreamBye:
    case ErrorCode::UpstreamMalformed:
      return ConnectResult::Greeting;
    default:
      return ConnectResult::Error;
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
