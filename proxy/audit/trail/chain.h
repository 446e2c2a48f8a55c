// What makes the trail tamper-evident: each record carries its sequence number and the hash of the one
// before, and the key of the hash evolves, so that who takes the process today cannot rewrite yesterday.
//
//   hash(n) = HMAC-SHA-256(key of the epoch, hash(n-1) as 32 octets || the line up to `,"hash":"`)
//             without a key: SHA-256 of the same octets
//   key(e+1) = SHA-256(key(e) || "postern audit epoch"); key(e) is wiped
//   hash(0) = 32 octets of zero
//
// An epoch ends with each audit.checkpoint: that record is still sealed by the old key, the next by the new.
// Pure but for OpenSSL; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/octets.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "record/audit_record.h"

namespace postern::audit {

Secret evolved(const Secret& key);

struct ChainHead {
  std::uint64_t sequence = 0;  // of the last record; 0: none
  std::uint64_t epoch = 0;     // of the key that seals the next one
  tls::Sha256 hash{};          // of the last record
};

class Chain {
 public:
  // `key`: of head.epoch; null: unkeyed.
  Chain(ChainHead head, std::optional<Secret> key);

  const ChainHead& head() const noexcept { return head_; }
  bool keyed() const noexcept { return key_.has_value(); }
  const Secret* key() const noexcept { return key_ ? &*key_ : nullptr; }
  // `out`, from `from` on, is an object without its closing brace whose sequence number is head().sequence
  // + 1. Appends `,"prev":"…","hash":"…"}` and the line end.
  void seal(std::string& out, std::size_t from);
  // The hash that the next record has if its octets ahead of `,"hash":"` are these.
  tls::Sha256 next_hash(Octets line) const { return hash_behind(head_.hash, line); }
  // … if it stood behind a record with this hash.
  tls::Sha256 hash_behind(const tls::Sha256& previous, Octets line) const;
  void advance(const tls::Sha256& hash) noexcept;
  // The record sealed or advanced last was a checkpoint. Without a key only the epoch is counted.
  void evolve();
  // A verifier's key is of epoch 0; evolves up to `epoch` without records in between.
  void evolve_to(std::uint64_t epoch);

 private:
  ChainHead head_;
  std::optional<Secret> key_;
  mutable std::optional<tls::Hmac> hmac_;
};

// Signed over this text (RFC 8032):
//   postern audit checkpoint
//   <sequence> <epoch> <head: 64 hexadecimal digits>
// each line with its line end. `epoch` is that of the records behind the checkpoint.
std::string checkpoint_text(std::uint64_t sequence, std::uint64_t epoch, Octets head_hex);
// For the record that follows `head`; `key` may be null: then it is not signed.
TrailCheckpoint make_checkpoint(const ChainHead& head, const tls::SigningKey* key);
// Whether the checkpoint is signed by `public_key`.
bool is_signed_by(const TrailCheckpoint& checkpoint, const std::array<unsigned char, 32>& public_key);

}  // namespace postern::audit
