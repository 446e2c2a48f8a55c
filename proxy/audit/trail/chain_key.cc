#include "audit/trail/chain_key.h"

#include <utility>

#include "base/hex.h"
#include "crypto/digest.h"

namespace postern::audit {
namespace {

constexpr Octets kTaken = "# taken: ";
constexpr std::size_t kTextBytes = 2 * kChainKeyBytes + 1;
constexpr std::size_t kReadBytes = 4096;

}  // namespace

Secret chain_key_text(const Secret& key) {
  std::string digits = hex(key.reveal());
  Secret out(digits);
  wipe(digits);
  out.append("\n");
  return out;
}

Result<std::optional<Secret>> read_chain_key(Disk& disk, const std::string& path) {
  Result<std::string> read = disk.read(path, 0, kReadBytes);
  if (!read) return read.error();
  const Secret text(*read);
  wipe(*read);
  if (text.reveal().starts_with(kTaken)) return std::optional<Secret>();
  std::optional<std::string> octets = from_hex(without_line_end(text.reveal()));
  if (!octets || octets->size() != kChainKeyBytes) {
    if (octets) wipe(*octets);
    return Error{
        ErrorCode::FileUnreadable,
        path + " holds no key of an audit chain (64 hexadecimal digits): `postern audit keygen` makes one"};
  }
  std::optional<Secret> key(std::in_place, *octets);
  wipe(*octets);
  return key;
}

Result<void> retire_chain_key(Disk& disk, const std::string& path, const std::string& state_path) {
  std::string text(kTaken);
  text += "the audit chain's key goes on in " + state_path;
  if (text.size() + 1 < kTextBytes) text.resize(kTextBytes - 1, ' ');
  return disk.overwrite(path, text + "\n");
}

}  // namespace postern::audit
