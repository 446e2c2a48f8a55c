#include "audit/trail/chain.h"

#include <utility>

#include "base/base64.h"
#include "base/hex.h"

namespace postern::audit {

using tls::octets_of;

Secret evolved(const Secret& key) {
  tls::Sha256 next = tls::sha256({key.reveal(), "postern audit epoch"});
  Secret secret(octets_of(next));
  wipe(next.data(), next.size());
  return secret;
}

Chain::Chain(ChainHead head, std::optional<Secret> key) : head_(head), key_(std::move(key)) {
  if (key_) hmac_.emplace(*key_);
}

tls::Sha256 Chain::hash_behind(const tls::Sha256& previous, Octets line) const {
  if (hmac_) return hmac_->of({octets_of(previous), line});
  return tls::sha256({octets_of(previous), line});
}

void Chain::seal(std::string& out, std::size_t from) {
  out += ",\"prev\":\"";
  append_hex(out, octets_of(head_.hash));
  out += '"';
  const tls::Sha256 hash = next_hash(Octets(out).substr(from));
  out += ",\"hash\":\"";
  append_hex(out, octets_of(hash));
  out += "\"}\n";
  advance(hash);
}

void Chain::advance(const tls::Sha256& hash) noexcept {
  ++head_.sequence;
  head_.hash = hash;
}

void Chain::evolve() {
  ++head_.epoch;
  if (!key_) return;
  key_ = evolved(*key_);
  hmac_.emplace(*key_);
}

void Chain::evolve_to(std::uint64_t epoch) {
  if (epoch <= head_.epoch) return;
  for (; key_ && head_.epoch < epoch; ++head_.epoch) key_ = evolved(*key_);
  head_.epoch = epoch;
  if (key_) hmac_.emplace(*key_);
}

std::string checkpoint_text(std::uint64_t sequence, std::uint64_t epoch, Octets head_hex) {
  return "postern audit checkpoint\n" + std::to_string(sequence) + " " + std::to_string(epoch) + " " +
         std::string(head_hex) + "\n";
}

TrailCheckpoint make_checkpoint(const ChainHead& head, const tls::SigningKey* key) {
  TrailCheckpoint checkpoint;
  checkpoint.epoch = head.epoch + 1;
  checkpoint.covered = head.sequence;
  checkpoint.head = hex(octets_of(head.hash));
  if (key == nullptr) return checkpoint;
  const auto signature = key->sign(checkpoint_text(checkpoint.covered, checkpoint.epoch, checkpoint.head));
  checkpoint.signature = encode_base64(octets_of(signature)).reveal();
  checkpoint.public_key = encode_base64(octets_of(key->public_key())).reveal();
  return checkpoint;
}

bool is_signed_by(const TrailCheckpoint& checkpoint, const std::array<unsigned char, 32>& public_key) {
  const auto signature = decode_base64(checkpoint.signature);
  return signature && tls::verify_signature(
                          public_key, checkpoint_text(checkpoint.covered, checkpoint.epoch, checkpoint.head),
                          signature->reveal());
}

}  // namespace postern::audit
