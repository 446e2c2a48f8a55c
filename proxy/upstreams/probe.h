// One health check of one endpoint: connect, TLS, greeting, CAPABILITY, LOGOUT, by the same setup machine
// that a login uses, so that "up" means "a login would get as far as its credentials". Main thread only.
// Reports once, then takes leave of the server and frees itself when libuv has closed its handles.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "base/error_code.h"
#include "base/time.h"
#include "config/settings.h"
#include "imap/capability.h"
#include "net/candidates.h"

namespace postern::server {

struct ProbeTarget {
  net::Endpoint endpoint;
  std::string preface;  // a PROXY header ahead of everything, or empty
  config::UpstreamTls tls = config::UpstreamTls::Off;
  std::shared_ptr<const tls::ClientContext> context;  // null when tls is off
  Duration timeout{};
  std::string tag_stem;
};

struct ProbeReport {
  ErrorCode code = ErrorCode::Ok;
  std::string state;   // "sent starttls, received greeting"
  std::string detail;  // what the kernel or OpenSSL said; may be empty
  imap::CapabilityList capabilities;
};

class Probe {
 public:
  using Done = std::function<void(const ProbeReport&)>;

  // `done` is called from the loop, once, and never from within start(), unless cancel() came before.
  static Probe* start(uv_loop_t* loop, ProbeTarget target, Done done);
  // Only before `done` was called; afterwards the Probe may be gone.
  void cancel() noexcept;

  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

 private:
  struct Impl;
  explicit Probe(std::unique_ptr<Impl> impl);
  ~Probe();

  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::server
