// Dials the endpoints of one login, in order, each at most once and one at a time. Owned by its Relay, which
// is the streams' user and sees their on_connected(); deadlines are the Session's. It never calls back.
#pragma once

#include <uv.h>

#include <cstddef>

#include "net/candidates.h"
#include "net/stream.h"
#include "telemetry/cells.h"

namespace postern::net {

ErrorCode error_of_connect(int uv_error) noexcept;

// The label `result` of the metrics of connects and of health checks.
telemetry::ConnectResult result_of(ErrorCode code) noexcept;

class Connector {
 public:
  Connector(uv_loop_t* loop, StreamUser& user, Candidates candidates);

  // Starts to dial the next endpoint not yet tried. Null: there is none, or the kernel refused it at once;
  // then exhausted() and why() tell.
  StreamPtr dial_next();
  bool exhausted() const noexcept { return next_ == candidates_.endpoints.size(); }
  std::size_t dialled() const noexcept { return next_; }  // how many of them
  // What became of the endpoint dialled last; why() keeps the last failure, for the client's answer.
  void failed(ErrorCode code) noexcept { why_ = code; }
  ErrorCode why() const noexcept { return why_; }

  const Candidates& candidates() const noexcept { return candidates_; }
  // The one dialled last; only after dial_next().
  const Endpoint& endpoint() const noexcept { return candidates_.endpoints[next_ - 1]; }

 private:
  uv_loop_t* loop_;
  StreamUser& user_;
  Candidates candidates_;
  std::size_t next_ = 0;
  ErrorCode why_;
};

}  // namespace postern::net
