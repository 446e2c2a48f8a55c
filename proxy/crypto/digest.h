// The hashes and signatures that the audit trail is sealed with, over OpenSSL. Any thread; an object is used
// by one at a time. Fails only where OpenSSL does, which is an abort: without it nothing could be proven.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "base/secret.h"

namespace postern::tls {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::initializer_list<Octets> parts);
// From the system's source of randomness.
Secret random_secret(std::size_t octets);

// HMAC-SHA-256 (RFC 2104) under one key, which is kept in OpenSSL's memory and wiped with it.
class Hmac {
 public:
  explicit Hmac(const Secret& key);
  ~Hmac();
  Hmac(Hmac&&) noexcept;
  Hmac& operator=(Hmac&&) noexcept;
  Sha256 of(std::initializer_list<Octets> parts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Ed25519 (RFC 8032).
class SigningKey {
 public:
  static SigningKey generate();
  // PKCS #8 in PEM, without a passphrase. The error names the file and what is wrong.
  static Result<SigningKey> load(const std::string& path);
  ~SigningKey();
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;

  std::array<unsigned char, 64> sign(Octets message) const;
  std::array<unsigned char, 32> public_key() const;
  Secret pem() const;              // PKCS #8
  std::string public_pem() const;  // SubjectPublicKeyInfo

 private:
  struct Impl;
  explicit SigningKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The 32 octets of an Ed25519 key in a file: a public key or a private one, in PEM.
Result<std::array<unsigned char, 32>> load_public_key(const std::string& path);
bool verify_signature(const std::array<unsigned char, 32>& public_key, Octets message, Octets signature);

template <std::size_t N>
Octets octets_of(const std::array<unsigned char, N>& bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

}  // namespace postern::tls
