#include "crypto/key_file.h"

#include <openssl/pem.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/secret.h"

namespace postern::tls {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

Error invalid(std::string detail) { return {ErrorCode::ConfigInvalid, std::move(detail)}; }

}  // namespace

int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::string quoted_reason() { return " (" + take_reason() + ")"; }

Result<std::string> read_file(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  const auto failed = [&](int why) {
    return Error{ErrorCode::FileUnreadable, "cannot read " + path + ": " + std::strerror(why)};
  };
  if (!file) return failed(errno);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // no copy of a key in a buffer that nobody wipes
  std::string text(kFileBytesMax + 1, '\0');     // at its full size at once: a key is never moved
  const std::size_t size = std::fread(text.data(), 1, text.size(), file.get());
  if (std::ferror(file.get()) != 0) return failed(errno);
  if (size > kFileBytesMax) return invalid(path + " is larger than 1 MiB");
  text.resize(size);
  return text;
}

Result<KeyPtr> read_key(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  bool asked = false;
  KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked) : nullptr);
  bio.reset();
  wipe(*text);
  const std::string reason = quoted_reason();
  if (key) return key;
  if (asked) return invalid(path + " is encrypted; give a key without a passphrase");
  return invalid(path + " holds no private key" + reason);
}

}  // namespace postern::tls
