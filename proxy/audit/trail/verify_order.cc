#include "audit/trail/verify_order.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "audit/trail/line.h"
#include "audit/trail/line_reader.h"
#include "config/audit.h"

namespace postern::audit {
namespace {

constexpr std::size_t kLooks = 5;         // lines that are records …
constexpr std::size_t kPiecesMost = 256;  // … among so many

// The first record's number, though one line may have been changed, or two swapped: what most of them say.
std::uint64_t first_of(const std::vector<std::uint64_t>& sequences) {
  std::map<std::uint64_t, std::size_t> votes;
  for (std::size_t i = 0; i < sequences.size(); ++i)
    ++votes[sequences[i] - std::min<std::uint64_t>(i, sequences[i])];
  const auto most = std::max_element(votes.begin(), votes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == votes.end() ? std::numeric_limits<std::uint64_t>::max() : most->first;
}

struct Look {
  std::vector<std::uint64_t> sequences;
  bool empty = true;
  bool chained = false;
  bool plain = false;  // one is sealed without a key
};

bool is_compressed(Octets octets) noexcept {
  return octets.starts_with("\x1f\x8b") || octets.starts_with("\x28\xb5\x2f\xfd") ||
         octets.starts_with(
             "\xfd"
             "7zXZ");
}

Result<Look> look_at(Disk& disk, const std::string& path) {
  Look look;
  Result<std::string> begin = disk.read(path, 0, 8);
  if (!begin) return begin.error();
  if (is_compressed(*begin))
    return Error{ErrorCode::ConfigInvalid,
                 path + " is compressed: give what zcat, zstdcat or xzcat makes of it"};
  LineReader reader(disk, path, 0);
  for (std::size_t pieces = 0; pieces < kPiecesMost && look.sequences.size() < kLooks; ++pieces) {
    Result<std::optional<LineReader::Piece>> piece = reader.next();
    if (!piece) return piece.error();
    if (!*piece) break;
    look.empty = false;
    if (!(*piece)->whole) continue;
    std::optional<Line> line = read_line((*piece)->line, true);
    if (line) {
      look.chained = true;
      const auto hash = tls::sha256({tls::octets_of(line->previous), line->content});
      look.plain = look.plain || hash == line->hash;
    } else {
      line = read_line((*piece)->line, false);
    }
    if (line) look.sequences.push_back(line->sequence);
  }
  return look;
}

// FILE.state and FILE.lock, which a pattern for FILE and its rotations takes along.
bool stands_beside(Disk& disk, const std::string& path) {
  for (const Octets suffix : {config::kStateSuffix, config::kLockSuffix})
    if (path.ends_with(suffix) && disk.identity(path.substr(0, path.size() - suffix.size()))) return true;
  return false;
}

}  // namespace

Result<TrailShape> shape_of(Disk& disk, const std::vector<std::string>& paths) {
  TrailShape shape;
  bool plain = false;
  for (const std::string& path : paths) {
    if (stands_beside(disk, path)) continue;
    Result<Look> look = look_at(disk, path);
    if (!look) return look.error();
    if (look->empty) continue;
    shape.files.push_back({path, first_of(look->sequences)});
    shape.chained = shape.chained || look->chained;
    plain = plain || look->plain;
  }
  shape.keyed = shape.chained && !plain;
  auto& files = shape.files;
  std::stable_sort(files.begin(), files.end(),
                   [](const TrailFile& a, const TrailFile& b) { return a.first < b.first; });
  const auto twins =
      std::adjacent_find(files.begin(), files.end(), [](const TrailFile& a, const TrailFile& b) {
        return a.first == b.first && a.first != std::numeric_limits<std::uint64_t>::max();
      });
  if (twins != files.end())
    return Error{ErrorCode::ConfigInvalid,
                 twins->path + " and " + (twins + 1)->path + " both begin with record " +
                     std::to_string(twins->first) +
                     ": they are the same file twice, or two trails; verify them one after the other"};
  return shape;
}

}  // namespace postern::audit
