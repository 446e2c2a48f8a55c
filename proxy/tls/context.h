// What all connections of one TLS block, or to one upstream, have in common: an SSL_CTX, made once from the
// configuration, immutable afterwards and shared by all workers. A reload makes new ones; sessions hold
// theirs to the end. Ticket keys outlive reloads and are published by the main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace postern::tls {

// The OpenSSL that is loaded, as it calls itself: "OpenSSL 3.0.17 …".
const char* library_version() noexcept;

// The ring of ticket keys, shared by the contexts of all generations: main rotates them (every 12 h) or puts
// those of a file in their place, workers take the current immutable ring, once for each handshake.
class TicketKeys {
 public:
  struct Ring;
  TicketKeys();  // one random key
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  // Main thread: a new random key encrypts; the last two still decrypt.
  void rotate();
  // A file in nginx's format: one or more keys of 80 octets, the first encrypts. Nothing uses them yet.
  static Result<std::shared_ptr<const Ring>> read(const std::string& path);
  // Main thread: these from now on.
  void use(std::shared_ptr<const Ring> ring) noexcept;
  std::shared_ptr<const Ring> current() const noexcept;

 private:
  mutable std::mutex mutex_;  // held while the pointer is copied or swapped
  std::shared_ptr<const Ring> ring_;
};

// What `postern check`, the metrics and the logs want to know of a certificate.
struct CertificateInfo {
  std::string path;
  std::string subject;
  std::vector<std::string> names;   // DNS names in it
  std::int64_t not_after_unix = 0;  // seconds
  std::int64_t not_before_unix = 0;
};

// A certificate and its key alone, for `postern check`: the same words as ServerContext::make would use.
Result<CertificateInfo> inspect(const config::Certificate& certificate);

class ServerContext {
 public:
  // Loads and verifies every certificate against its key. The error names the file and OpenSSL's reason.
  // `tickets` may be null (session_tickets: false).
  static Result<std::shared_ptr<const ServerContext>> make(const config::Tls& settings,
                                                           std::shared_ptr<TicketKeys> tickets);
  ~ServerContext();
  const std::vector<CertificateInfo>& certificates() const noexcept;
  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit ServerContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class ClientContext {
 public:
  static Result<std::shared_ptr<const ClientContext>> make(const config::Upstream& settings);
  ~ClientContext();
  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit ClientContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::tls
