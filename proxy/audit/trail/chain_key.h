// The file in which `postern audit keygen` leaves the first key of a chain, and which the writer takes it
// from. Not kept: once FILE.state has the key, the file only says so.
#pragma once

#include <optional>
#include <string>

#include "audit/trail/disk.h"
#include "base/result.h"
#include "base/secret.h"

namespace postern::audit {

inline constexpr std::size_t kChainKeyBytes = 32;

// What the file of a new key holds: 64 hexadecimal digits and a line end.
Secret chain_key_text(const Secret& key);
// Nothing: the key has been taken already. The error names the file and what to do.
Result<std::optional<Secret>> read_chain_key(Disk& disk, const std::string& path);
// The key goes on in `state_path`: overwrites it.
Result<void> retire_chain_key(Disk& disk, const std::string& path, const std::string& state_path);

}  // namespace postern::audit
