// One transformer of octets between a stream and its user: coded octets (ciphertext, compressed) in and plain
// ones out, and back. TLS is one. A layer sees neither a socket nor what it carries, never calls back, never
// blocks, and is used by one thread. A Transport stacks layers over a stream.
//
// Who calls what: feed() what came, read() until it says WantInput, write() what is to be sent; every call
// may append coded octets to `out`, which the caller sends after each step (handshakes, tickets and alerts
// come out of read()). The caller sees to it that `out` has at least kReadRoom octets of room before read().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/cipher_buffer.h"
#include "base/error_code.h"
#include "base/octets.h"
#include "base/tls_facts.h"

namespace postern {

enum class ReadStatus : std::uint8_t {
  Plain,        // `octets` of plain text were written to the buffer
  WantInput,    // nothing more until feed() or end_of_file()
  Handshaken,   // the handshake has just been completed: take_facts() knows; call read() again
  CloseNotify,  // the peer ended the layer's stream properly
  Truncated,    // end_of_file() came without that
  Failed,       // error() and reason(); an alert may be in `out`
};

struct ReadResult {
  ReadStatus status = ReadStatus::WantInput;
  std::size_t octets = 0;
};

class OctetLayer {
 public:
  static constexpr std::size_t kReadRoom = 20 * 1024;

  virtual ~OctetLayer() = default;
  OctetLayer(const OctetLayer&) = delete;
  OctetLayer& operator=(const OctetLayer&) = delete;

  // Begins the handshake, if it is this end that speaks first.
  virtual void start(CipherBuffer& out) = 0;
  // Borrows `coded` until keep(), or until has_input() is false. There is at most one borrowed range: what an
  // earlier one left must have been read or kept.
  virtual void feed(Octets coded) = 0;
  virtual void end_of_file() noexcept = 0;  // nothing comes any more
  // Drives the handshake first. Once the layer has ended it says the same again.
  virtual ReadResult read(char* plain, std::size_t capacity, CipherBuffer& out) = 0;
  virtual bool has_input() const noexcept = 0;  // octets, or an end, that read() has not yet given out
  virtual void keep() = 0;  // copies what is still borrowed; nothing is borrowed afterwards

  // Encodes a prefix of `plain`, as much as `out` has room for; returns its length (0: no room, or the
  // handshake is not done). A failure is reported by the next read().
  virtual std::size_t write(Octets plain, CipherBuffer& out) = 0;
  virtual void close_notify(CipherBuffer& out) = 0;  // our own end; once, further calls do nothing

  virtual bool handshaken() const noexcept = 0;  // write() takes octets
  // What the handshake has agreed on, given away: an idle connection keeps it in one place.
  virtual TlsFacts take_facts() noexcept = 0;
  virtual ErrorCode error() const noexcept = 0;
  // For the log: no secret, no octets of the peer's.
  virtual const std::string& reason() const noexcept = 0;
  // Whether plaintext that the layer holds is wiped, because it may be a credential.
  virtual void cleanse_plaintext(bool on) noexcept = 0;

 protected:
  OctetLayer() = default;
};

}  // namespace postern
