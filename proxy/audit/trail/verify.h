// Proves that a trail is whole: that no record is missing, changed or moved, over all its files, rotations
// and restarts, and names the first that is. Reads each file once, in bounded memory. One thread; blocks.
//
// What a crash has left behind the last whole record is accepted if a later audit.recovered names it by
// place, length and hash.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/trail/disk.h"
#include "audit/trail/state.h"
#include "base/result.h"
#include "base/secret.h"

namespace postern::audit {

enum class BadKind : std::uint8_t {
  Changed,
  Missing,
  Reordered,
  CutOff,    // a file ends before where it ended once
  TornTail,  // the last file ends in the middle of a record, as after a crash
};
std::string_view name_of(BadKind kind) noexcept;  // "changed", "cut off", …

// Where a record stands, or should.
struct RecordPlace {
  std::string file;
  std::uint64_t line = 0;    // from 1
  std::uint64_t offset = 0;  // of its first octet
  std::uint64_t sequence = 0;
};

struct BadRecord {
  BadKind kind = BadKind::Changed;
  RecordPlace place;
  std::uint64_t missing = 0;  // records; 0: none, or nobody knows how many
  std::string missing_file;   // as audit.rotate names it, escaped; empty: none as a whole, or not known
  std::string_view detail;    // a sentence
};

struct VerifyOptions {
  const Secret* key = nullptr;  // key(0), the verifier's
  const std::array<unsigned char, 32>* checkpoint_key = nullptr;
  std::uint64_t from = 1;        // the first record that is asked about; what is before it is not looked at
  const State* state = nullptr;  // of this trail: how far it went
};

// What the trail tells of itself.
struct TrailWord {
  std::uint64_t sequence = 0;
  std::string text;  // escaped
};

struct VerifyReport {
  static constexpr std::size_t kWordsMost = 100;
  static constexpr std::size_t kUnfinishedShown = 10;

  std::optional<BadRecord> bad;
  std::vector<std::string> files;  // in their order, without empty ones
  std::uint64_t records = 0;       // that are proven good
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool chained = false;
  bool keyed = false;           // sealed with a key
  bool content_proven = false;  // false: only the links between records, or their numbers, were looked at
  std::uint64_t checkpoints = 0;
  std::uint64_t signed_checkpoints = 0;  // whose signature is good
  std::uint64_t signed_up_to = 0;        // the record that the last of them covers
  std::string public_key;                // base64: that signed the last of them, if none was asked for
  std::uint64_t starts = 0;
  std::uint64_t torn_places = 0;  // accepted
  std::uint64_t torn_bytes = 0;
  bool ended_in_order = false;              // audit.stop
  std::vector<TrailWord> words;             // gaps, and what was found at a start; at most kWordsMost
  std::uint64_t words_left_out = 0;         // …
  std::uint64_t unfinished = 0;             // intents of commands whose outcome is not recorded: a crash
  std::vector<std::string> unfinished_ids;  // the first of them
  std::uint64_t under_way = 0;              // intents without outcome at the end of a trail that goes on
};

// The error: a file cannot be read, or they are not of one trail. `files` in any order.
Result<VerifyReport> verify(Disk& disk, const std::vector<std::string>& files, const VerifyOptions& options);

}  // namespace postern::audit
