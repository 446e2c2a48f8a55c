// What OpenSSL's BIO is joined to in place of a socket: the ciphertext that was fed, and the buffer that the
// current call writes to. One for each engine, part of it, found again by OpenSSL's callbacks through the BIO
// (so no ex-data is allocated for a session). Internal to proxy/tls; one thread, its worker's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_queue.h"
#include "base/cipher_buffer.h"
#include "base/error_code.h"
#include "base/octets.h"
#include "base/tls_facts.h"
#include "crypto/openssl.h"

namespace postern::tls {

struct Transform {
  // A peer may ask for a KeyUpdate or a renegotiation, each of which is answered. So many answers without one
  // octet of plaintext between them are no mail client's: the session fails (its `out` has an end, too).
  static constexpr std::uint8_t kAnswersMax = 32;

  Octets borrowed;  // behind what is kept
  ByteQueue kept;
  CipherBuffer* out = nullptr;  // of the current call
  bool end_of_file = false;
  bool answering = false;  // handshaken, and not inside write(): what is written now answers the peer
  bool overrun = false;    // `out` was full, or there were too many answers
  std::uint8_t answers = 0;
  ErrorCode refused = ErrorCode::Ok;  // a callback refused the handshake, for this
  TlsFacts facts;

  bool input_empty() const noexcept { return borrowed.empty() && kept.empty(); }
  std::size_t take(char* memory, std::size_t size) noexcept;
  bool give(Octets cipher) noexcept;
  void drop_input() noexcept;
};

// A BIO over `transform`, which must outlive it. Null if there is no memory.
BioPtr make_bio(Transform& transform);
Transform& transform_of(const SSL* ssl) noexcept;

}  // namespace postern::tls
