// What the trail goes on from after a restart, in FILE.state: `key value`, one a line, readable for its owner
// alone. It is replaced only after the file was synced up to what it says, so that it never knows of a record
// that a power failure can take. Pure; file access is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/trail/chain.h"
#include "audit/trail/disk.h"
#include "base/octets.h"
#include "base/result.h"
#include "base/secret.h"

namespace postern::audit {

struct State {
  ChainHead head;
  bool chained = true;
  std::optional<Secret> key;  // of head.epoch; none: unkeyed
  // SHA-256 of the key that chain_key_file held when this trail began: tells a new one from the old.
  tls::Sha256 first_key{};
  Secret redaction_key;
  FileIdentity file;         // the one that ends with `head` …
  std::uint64_t offset = 0;  // … when it was so long
  bool clean = false;        // the process has ended in order: nothing stands behind
};

Secret encode(const State& state);
// The error names the line and what to do.
Result<State> decode_state(Octets text, const std::string& path);
// The file at `path`; its octets are wiped behind it.
Result<State> read_state(Disk& disk, const std::string& path);

}  // namespace postern::audit
