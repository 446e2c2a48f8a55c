#include "crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <utility>

#include "crypto/key_file.h"

namespace postern::tls {
namespace {

using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, OpensslDeleter<EVP_MD_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, OpensslDeleter<EVP_MAC_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, OpensslDeleter<EVP_MAC_CTX_free>>;

constexpr std::size_t kPublicKeyBytes = 32;

void must(bool good) {
  if (!good) std::abort();
}

const unsigned char* data_of(Octets octets) { return reinterpret_cast<const unsigned char*>(octets.data()); }

std::array<unsigned char, kPublicKeyBytes> public_octets(const EVP_PKEY* key) {
  std::array<unsigned char, kPublicKeyBytes> octets{};
  std::size_t size = octets.size();
  must(EVP_PKEY_get_raw_public_key(key, octets.data(), &size) == 1 && size == octets.size());
  return octets;
}

std::string memory_of(BIO* bio) {
  char* memory = nullptr;
  const long size = BIO_get_mem_data(bio, &memory);
  return {memory, static_cast<std::size_t>(size)};
}

Error not_ed25519(const std::string& path) {
  return {ErrorCode::ConfigInvalid,
          path + " holds no Ed25519 key; `postern audit keygen --checkpoint-key FILE` makes one"};
}

}  // namespace

Sha256 sha256(std::initializer_list<Octets> parts) {
  // Fetched once: a fetch takes a lock and a search through the providers.
  static EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  // Kept: making one costs as much as hashing a record. It holds nothing behind EVP_DigestFinal_ex.
  thread_local const DigestContextPtr context(EVP_MD_CTX_new());
  must(digest != nullptr && context && EVP_DigestInit_ex2(context.get(), digest, nullptr) == 1);
  for (const Octets part : parts) must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Sha256 hash{};
  must(EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1);
  return hash;
}

Secret random_secret(std::size_t octets) {
  std::string block(octets, '\0');
  must(RAND_priv_bytes(reinterpret_cast<unsigned char*>(block.data()), static_cast<int>(octets)) == 1);
  Secret secret(block);
  wipe(block);
  return secret;
}

struct Hmac::Impl {
  MacContextPtr context;
};

Hmac::Hmac(const Secret& key) : impl_(std::make_unique<Impl>()) {
  const MacPtr mac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
  impl_->context.reset(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  // A null key would mean "the one that is set".
  const Octets octets = key.empty() ? Octets("") : key.reveal();
  must(impl_->context && EVP_MAC_init(impl_->context.get(), data_of(octets), octets.size(), parameters) == 1);
}

Hmac::~Hmac() = default;
Hmac::Hmac(Hmac&&) noexcept = default;
Hmac& Hmac::operator=(Hmac&&) noexcept = default;

Sha256 Hmac::of(std::initializer_list<Octets> parts) {
  EVP_MAC_CTX* const context = impl_->context.get();
  // Without a key: back to the state behind the key's block, which is not hashed again.
  must(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);
  for (const Octets part : parts) must(EVP_MAC_update(context, data_of(part), part.size()) == 1);
  Sha256 hash{};
  std::size_t size = 0;
  must(EVP_MAC_final(context, hash.data(), &size, hash.size()) == 1 && size == hash.size());
  return hash;
}

struct SigningKey::Impl {
  KeyPtr key;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::~SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;

SigningKey SigningKey::generate() {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  must(impl->key != nullptr);
  return SigningKey(std::move(impl));
}

Result<SigningKey> SigningKey::load(const std::string& path) {
  Result<KeyPtr> key = read_key(path);
  if (!key) return key.error();
  if (EVP_PKEY_get_id(key->get()) != EVP_PKEY_ED25519) return not_ed25519(path);
  auto impl = std::make_unique<Impl>();
  impl->key = std::move(*key);
  return SigningKey(std::move(impl));
}

std::array<unsigned char, 64> SigningKey::sign(Octets message) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  must(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) == 1 &&
       EVP_DigestSign(context.get(), signature.data(), &size, data_of(message), message.size()) == 1 &&
       size == signature.size());
  return signature;
}

std::array<unsigned char, 32> SigningKey::public_key() const { return public_octets(impl_->key.get()); }

Secret SigningKey::pem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  must(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) == 1);
  char* memory = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &memory);
  Secret text(Octets(memory, static_cast<std::size_t>(size)));
  wipe(memory, static_cast<std::size_t>(size));
  return text;
}

std::string SigningKey::public_pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  must(bio && PEM_write_bio_PUBKEY(bio.get(), impl_->key.get()) == 1);
  return memory_of(bio.get());
}

Result<std::array<unsigned char, 32>> load_public_key(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  const BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  KeyPtr key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  wipe(*text);  // it may be a private key
  take_error();
  if (!key) {
    Result<KeyPtr> own = read_key(path);
    if (!own) return not_ed25519(path);
    key = std::move(*own);
  }
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return not_ed25519(path);
  return public_octets(key.get());
}

bool verify_signature(const std::array<unsigned char, 32>& public_key, Octets message, Octets signature) {
  const KeyPtr key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  const DigestContextPtr context(EVP_MD_CTX_new());
  const bool good = key && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), data_of(signature), signature.size(), data_of(message),
                                     message.size()) == 1;
  take_error();  // nobody else's failure
  return good;
}

}  // namespace postern::tls
