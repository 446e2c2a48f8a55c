// Where a trail goes on after a restart: reads what stands behind the state's position, proves it, and tells
// what a crash, or somebody, has left. Changes nothing on the disk.
//
//   state's file, from the state's offset    records that go on the chain are taken
//   rotated files that are younger, FILE     likewise (a crash in the middle of a rotation)
//   behind the last good record              torn: octets that are no record (a crash); changed: a whole
//   record
//                                            that does not go on the chain; missing: the file ends before
//                                            what the state knows
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/trail/chain.h"
#include "audit/trail/disk.h"
#include "audit/trail/state.h"
#include "base/result.h"
#include "record/audit_record.h"

namespace postern::audit {

inline constexpr std::uint64_t kFirstEpoch = 1;  // key(0) is the verifier's alone

// A torn tail is a batch at most. What is larger has no hash in its record.
inline constexpr std::uint64_t kHashedBytes = 64 * 1024 * 1024;

struct Recovered {
  Chain chain;
  std::vector<TrailRecovered> findings;  // to be recorded, in this order
  bool needs_newline = false;            // FILE does not end with a line end
  bool file_gone = false;                // FILE is new, and the file that held the records was not found
  std::string follows;                   // if FILE is new: the file that it goes on from, as far as known
};

// `state`: null at the very first start, or when it was lost; then only a chain without a key goes on.
// The state's key is moved into the chain.
Result<Recovered> recover(Disk& disk, const std::string& path, State* state, bool chained);

// What a file is called in records: without its folder.
std::string name_in_records(const std::string& path);
// FILE.<sequence, 12 digits>: where the trail's own rotation puts it.
std::string rotated_path(const std::string& path, std::uint64_t sequence);
std::vector<std::string> rotated_files(Disk& disk, const std::string& path);  // from the oldest on
// Whatever it is called now, if its name begins with FILE; else empty.
std::string find_file(Disk& disk, const std::string& path, const FileIdentity& identity);

}  // namespace postern::audit
