// Where a login may go: one upstream and its servers. Made from routes, UpstreamView and balance for each
// login; values, owned by the Connector that dials them.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/error_code.h"
#include "config/settings.h"
#include "tls/context.h"

namespace postern::net {

struct Endpoint {
  sockaddr_storage address{};
  std::string text;         // host:port as configured, for logs and metrics
  std::string server_name;  // for SNI and verification
};

// The endpoints in the order in which they are tried, each at most once.
struct Candidates {
  std::size_t upstream = 0;  // into Settings::upstreams and WorkerCells::upstreams
  std::string name;
  std::string preface;  // what is sent ahead of everything, TLS included: a PROXY header, or nothing
  config::UpstreamTls tls = config::UpstreamTls::Off;
  bool send_id = false;  // it is told by ID whom the gateway speaks for
  config::MasterLogin master;
  std::shared_ptr<const tls::ClientContext> context;  // null when tls is off
  std::vector<Endpoint> endpoints;                    // empty: nothing is resolved or all are down
  ErrorCode why_empty = ErrorCode::UpstreamDown;
};

}  // namespace postern::net
