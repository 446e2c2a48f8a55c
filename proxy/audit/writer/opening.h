// All that comes before the first record: the file, its lock, its state and keys, and what was left behind.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/trail/disk.h"
#include "audit/trail/recovery.h"
#include "base/result.h"
#include "base/secret.h"
#include "config/audit.h"
#include "crypto/digest.h"

namespace postern::audit {

struct Opened {
  std::unique_ptr<File> file;
  FileStatus status;
  Recovered recovered;
  std::optional<tls::SigningKey> signing_key{};
  Secret redaction_key{};
  tls::Sha256 first_key{};              // as in State
  std::vector<std::string> warnings{};  // for the log
};

// The error says what to do.
Result<Opened> open_trail(Disk& disk, const config::Audit& settings);

}  // namespace postern::audit
