// TLS as a transformer of octets: ciphertext in, plaintext out, and back. Owns one SSL and its BIO; never
// sees a socket, never calls back, never blocks. One thread (its worker's). Both ends: the gateway's server
// side towards clients, its client side towards upstreams.
//
// Who calls what: feed() what the kernel gave, read() until it says WantInput, write() what is to be sent;
// every call may append ciphertext to `out`, which the caller flushes after each step (handshake flights,
// tickets, KeyUpdate and alerts come out of read()). The caller sees to it that `out` has at least
// kReadRoom octets of room before read(), and writes only what fits.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/error_code.h"
#include "base/octets.h"
#include "base/tls_facts.h"
#include "tls/cipher_buffer.h"

namespace postern::tls {

class ServerContext;  // one for each TLS block of the configuration, shared by all workers
class ClientContext;  // one for each upstream

enum class ReadStatus : std::uint8_t {
  Octets,       // `octets` were written to the buffer
  WantInput,    // nothing more until feed() or end_of_file()
  Handshaken,   // the handshake has just been completed: facts() are known; call read() again
  CloseNotify,  // the peer ended the TLS stream properly
  Truncated,    // end_of_file() came without a close_notify
  Failed,       // error() and reason(); an alert may be in `out`
};

struct ReadResult {
  ReadStatus status = ReadStatus::WantInput;
  std::size_t octets = 0;
};

class TlsEngine {
 public:
  static constexpr std::size_t kReadRoom = 20 * 1024;

  // Null if OpenSSL has no memory for it.
  static std::unique_ptr<TlsEngine> accept(std::shared_ptr<const ServerContext> context);
  // `server_name`: for SNI and for verification (a name or an address).
  static std::unique_ptr<TlsEngine> connect(std::shared_ptr<const ClientContext> context,
                                            const std::string& server_name);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  // Borrows `cipher` until keep(), or until has_input() is false. There is at most one borrowed range: what
  // an earlier one left must have been read or kept.
  void feed(Octets cipher);
  void end_of_file() noexcept;  // the kernel said end of file
  // A read: drives the handshake first. Never makes the last SSL_read that would only say "want read".
  ReadResult read(char* plain, std::size_t capacity, CipherBuffer& out);
  bool has_input() const noexcept;  // octets, or an end, that read() has not yet given out
  void keep();                      // copies what is still borrowed; nothing is borrowed afterwards

  // Starts the handshake of the client side. The server side needs no call.
  void start(CipherBuffer& out);
  // Encrypts a prefix of `plain` in whole records, as much as `out` has room for; returns its length (0: no
  // room, or the handshake is not done). A failure is reported by the next read().
  std::size_t write(Octets plain, CipherBuffer& out);
  void close_notify(CipherBuffer& out);  // once; further calls do nothing

  bool handshaken() const noexcept;
  const TlsFacts& facts() const noexcept;
  // The same, given away: an idle connection keeps them in one place.
  TlsFacts take_facts() noexcept;
  // Tls… towards clients, UpstreamTls or UpstreamCertificate towards upstreams.
  ErrorCode error() const noexcept;
  // OpenSSL's words, for the log: no secret, no octets of the peer's.
  const std::string& reason() const noexcept;
  // Until the first login plaintext is wiped inside OpenSSL (SSL_OP_CLEANSE_PLAINTEXT).
  void cleanse_plaintext(bool on) noexcept;

 private:
  struct Impl;
  explicit TlsEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::tls
