#include "audit/trail/recovery.h"

#include <algorithm>
#include <utility>

#include "audit/trail/json.h"
#include "audit/trail/line.h"
#include "audit/trail/line_reader.h"
#include "base/hex.h"

namespace postern::audit {
namespace {

constexpr std::size_t kSequenceDigits = 12;

bool is_digits(Octets text) noexcept {
  return text.size() >= kSequenceDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

class Recovery {
 public:
  Recovery(Disk& disk, const std::string& path, bool chained, Recovered& out)
      : disk_(disk), path_(path), chained_(chained), out_(out) {}

  Result<void> from(const State& state) {
    const std::vector<std::string> files = files_since(state.file);
    const bool named = !files.empty() && disk_.identity(files.front()) == state.file;
    if (state.head.sequence > 0 && !named) {
      Result<bool> empty = is_empty(files);
      if (!empty) return empty.error();
      out_.file_gone = *empty;
      if (*empty) return {};
    }
    for (const std::string& file : files) {
      std::uint64_t offset = 0;
      if (&file == &files.front()) {
        Result<std::uint64_t> begin = begin_in(file, state, named);
        if (!begin) return begin.error();
        offset = *begin;
      }
      if (Result<void> read = take(file, offset); !read) return read;
      if (file != path_) out_.follows = name_in_records(file);
    }
    return {};
  }

  // There is no state: what the file holds is all that is known.
  Result<void> from_file() {
    if (!disk_.identity(path_)) return {};
    LineReader reader(disk_, path_, 0);
    Result<std::optional<LineReader::Piece>> piece = reader.next();
    if (!piece) return piece.error();
    if (!*piece) return {};
    const std::optional<Line> first = line_of(path_, **piece);
    if (!first || first->sequence == 0)
      return Error{ErrorCode::FileUnreadable,
                   path_ +
                       " does not begin with a record of this trail: name another file in audit.file, or "
                       "move this one away"};
    out_.chain = Chain({first->sequence - 1, kFirstEpoch, first->previous}, std::nullopt);
    return take(path_, 0);
  }

 private:
  // The one that the state knows, then those that came after it; without it only FILE.
  std::vector<std::string> files_since(const FileIdentity& known) {
    const std::optional<FileIdentity> here = disk_.identity(path_);
    std::vector<std::string> out;
    if (here != known) {
      const std::string old = find_file(disk_, path_, known);
      if (!old.empty()) {
        out.push_back(old);
        const std::vector<std::string> rotated = rotated_files(disk_, path_);
        const auto at = std::find(rotated.begin(), rotated.end(), old);
        if (at != rotated.end()) out.insert(out.end(), at + 1, rotated.end());
      }
    }
    if (here) out.push_back(path_);
    return out;
  }

  // Moved away while nothing ran, and perhaps made anew: that is how others rotate.
  Result<bool> is_empty(const std::vector<std::string>& files) {
    if (files.empty()) return true;
    Result<std::string> first = disk_.read(files.front(), 0, 1);
    if (!first) return first.error();
    return first->empty();
  }

  // Where in the file the state's last record ends.
  Result<std::uint64_t> begin_in(const std::string& file, const State& state, bool named) {
    if (state.head.sequence == 0) return std::uint64_t{0};
    if (named) {
      Result<bool> there = ends_there(file, state);
      if (!there) return there.error();
      if (*there) return state.offset;
    }
    Result<std::uint64_t> found = search(file, state);
    if (found && named && out_.findings.empty())
      out_.findings.push_back(finding(file, *found, *found, "changed"));
    return found;
  }

  // A record that lacks nothing but its line end is one.
  std::optional<Line> line_of(const std::string& file, const LineReader::Piece& piece) {
    if (file == path_) out_.needs_newline = !piece.whole;
    return read_line(piece.line, chained_);
  }

  bool is_head(const Line& line, const ChainHead& head) const {
    return line.sequence == head.sequence && (!chained_ || line.hash == head.hash);
  }

  Result<bool> ends_there(const std::string& file, const State& state) {
    const std::uint64_t from = state.offset - std::min<std::uint64_t>(state.offset, kLineBytes + 1);
    Result<std::string> before = disk_.read(file, from, static_cast<std::size_t>(state.offset - from));
    if (!before) return before.error();
    if (before->size() != state.offset - from || !before->ends_with('\n')) return false;
    Octets line(before->data(), before->size() - 1);
    if (const std::size_t start = line.rfind('\n'); start != Octets::npos) line.remove_prefix(start + 1);
    const std::optional<Line> last = read_line(line, chained_);
    return last && is_head(*last, state.head);
  }

  // The file is not as it was when the state was written: restored, cut, or changed. Finds the state's
  // record, or the one that follows it.
  Result<std::uint64_t> search(const std::string& file, const State& state) {
    LineReader reader(disk_, file, 0);
    std::uint64_t last = 0;
    std::uint64_t good = 0;
    for (;;) {
      Result<std::optional<LineReader::Piece>> piece = reader.next();
      if (!piece) return piece.error();
      if (!*piece) break;
      const std::optional<Line> line = line_of(file, **piece);
      if (!line) continue;
      if (is_head(*line, state.head)) return reader.offset();
      if (follows(*line)) {
        out_.findings.push_back(finding(file, (*piece)->offset, (*piece)->offset, "changed"));
        return (*piece)->offset;
      }
      good = reader.offset();
      last = line->sequence;
    }
    TrailRecovered missing = finding(file, good, reader.offset(), "missing");
    missing.missing = state.head.sequence - std::min(last, state.head.sequence);
    // As many as there should be, but not the ones that were written.
    if (missing.missing == 0) missing.kind = "changed";
    out_.findings.push_back(std::move(missing));
    return reader.offset();
  }

  bool follows(const Line& line) const {
    const ChainHead& head = out_.chain.head();
    if (line.sequence != head.sequence + 1) return false;
    return !chained_ || (line.previous == head.hash && out_.chain.next_hash(line.content) == line.hash);
  }

  // The records from there on that go on the chain.
  Result<void> take(const std::string& file, std::uint64_t offset) {
    LineReader reader(disk_, file, offset);
    std::uint64_t good = offset;  // end of the last one that does
    bool bad = false;             // something stands behind that …
    bool changed = false;         // … and is a whole record
    for (;;) {
      Result<std::optional<LineReader::Piece>> piece = reader.next();
      if (!piece) return piece.error();
      if (!*piece) break;
      const std::optional<Line> line = line_of(file, **piece);
      if (!line || !follows(*line)) {
        if (!bad) changed = line.has_value();
        bad = true;
        continue;
      }
      // An earlier start has told of what stands before its audit.recovered.
      if (bad && line->event != "audit.recovered")
        out_.findings.push_back(finding(file, good, (*piece)->offset, "changed"));
      out_.chain.advance(line->hash);
      if (line->event == "audit.checkpoint") out_.chain.evolve();
      good = reader.offset();
      bad = false;
    }
    if (bad) out_.findings.push_back(finding(file, good, reader.offset(), changed ? "changed" : "torn"));
    return {};
  }

  TrailRecovered finding(const std::string& file, std::uint64_t from, std::uint64_t to,
                         std::string_view kind) {
    TrailRecovered out;
    out.file = name_in_records(file);
    out.offset = from;
    out.torn_bytes = to - from;
    out.kind = kind;
    if (to == from || to - from > kHashedBytes) return out;
    Result<std::string> octets = disk_.read(file, from, static_cast<std::size_t>(to - from));
    if (octets) out.torn_sha256 = hex(tls::octets_of(tls::sha256({*octets})));
    return out;
  }

  Disk& disk_;
  const std::string& path_;
  bool chained_;
  Recovered& out_;
};

}  // namespace

std::string name_in_records(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string rotated_path(const std::string& path, std::uint64_t sequence) {
  std::string digits = std::to_string(sequence);
  if (digits.size() < kSequenceDigits) digits.insert(0, kSequenceDigits - digits.size(), '0');
  return path + "." + digits;
}

std::vector<std::string> rotated_files(Disk& disk, const std::string& path) {
  std::vector<std::string> out;
  for (std::string& name : disk.list(path + "."))
    if (is_digits(Octets(name).substr(path.size() + 1))) out.push_back(std::move(name));
  // By number: one of more digits comes later.
  std::stable_sort(out.begin(), out.end(),
                   [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  return out;
}

std::string find_file(Disk& disk, const std::string& path, const FileIdentity& identity) {
  for (const std::string& name : disk.list(path))
    if (disk.identity(name) == identity) return name;
  return {};
}

Result<Recovered> recover(Disk& disk, const std::string& path, State* state, bool chained) {
  ChainHead head;
  head.epoch = kFirstEpoch;
  Recovered out{
      Chain(state != nullptr ? state->head : head, state != nullptr ? std::move(state->key) : std::nullopt),
      {},
      false,
      false,
      {}};
  Recovery recovery(disk, path, chained, out);
  Result<void> done = state != nullptr ? recovery.from(*state) : recovery.from_file();
  if (!done) return done.error();
  return out;
}

}  // namespace postern::audit
