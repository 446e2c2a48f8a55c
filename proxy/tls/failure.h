// A failure of OpenSSL's, sorted into the house's error codes and put into words for the log. Internal to
// proxy/tls; pure.
#pragma once

#include <string>

#include "base/error_code.h"
#include "tls/transform.h"

namespace postern::tls {

struct Failure {
  ErrorCode code;
  std::string reason;  // OpenSSL's constant texts or ours: nothing that a peer sent
};

// The stream ended without a close_notify, in the middle of a record or between two.
bool is_truncation(unsigned long error) noexcept;
// On the server's side, towards clients: `error` is what the queue held.
Failure client_failure(const SSL* ssl, const Transform& transform, unsigned long error);
// On the client's side, towards upstreams.
Failure upstream_failure(const SSL* ssl, const Transform& transform, unsigned long error);

}  // namespace postern::tls
