// TLS as a transformer of octets: ciphertext in, plaintext out, and back. Owns one SSL and its BIO; never
// sees a socket, never calls back, never blocks. One thread (its worker's). Both ends: the gateway's server
// side towards clients, its client side towards upstreams.
// It is the OctetLayer of base, where it is told who calls what.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/octet_layer.h"

namespace postern::tls {

class ServerContext;  // one for each TLS block of the configuration, shared by all workers
class ClientContext;  // one for each upstream

class TlsEngine final : public OctetLayer {
 public:
  // Null if OpenSSL has no memory for it.
  static std::unique_ptr<TlsEngine> accept(std::shared_ptr<const ServerContext> context);
  // `server_name`: for SNI and for verification (a name or an address).
  static std::unique_ptr<TlsEngine> connect(std::shared_ptr<const ClientContext> context,
                                            const std::string& server_name);
  ~TlsEngine() override;

  void start(CipherBuffer& out) override;  // the client side's; the server side needs no call
  void feed(Octets cipher) override;
  void end_of_file() noexcept override;
  // Never makes the last SSL_read that would only say "want read".
  ReadResult read(char* plain, std::size_t capacity, CipherBuffer& out) override;
  bool has_input() const noexcept override;
  void keep() override;
  std::size_t write(Octets plain, CipherBuffer& out) override;  // in whole records
  void close_notify(CipherBuffer& out) override;

  bool handshaken() const noexcept override;
  const TlsFacts& facts() const noexcept;
  TlsFacts take_facts() noexcept override;
  // Tls… towards clients, UpstreamTls or UpstreamCertificate towards upstreams.
  ErrorCode error() const noexcept override;
  // OpenSSL's words.
  const std::string& reason() const noexcept override;
  // Inside OpenSSL (SSL_OP_CLEANSE_PLAINTEXT).
  void cleanse_plaintext(bool on) noexcept override;

 private:
  struct Impl;
  explicit TlsEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::tls
