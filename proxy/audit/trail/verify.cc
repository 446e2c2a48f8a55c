#include "audit/trail/verify.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "audit/trail/chain.h"
#include "audit/trail/line.h"
#include "audit/trail/line_reader.h"
#include "audit/trail/reader.h"
#include "audit/trail/recovery.h"
#include "audit/trail/verify_order.h"
#include "base/base64.h"
#include "base/hex.h"

namespace postern::audit {
namespace {

constexpr std::size_t kPendingMost = 1000;
constexpr std::size_t kIntentsMost = 1'000'000;
constexpr std::uint64_t kEpochsMost = 1 << 24;  // of one minute each: 31 years

// Octets that do not go on the chain, up to the next record that does, or to the end of their file.
struct Region {
  RecordPlace place;
  std::size_t file = 0;
  std::uint64_t to = 0;
  bool terminated = false;  // the first piece of it ends in a line end
  bool at_end = false;      // reaches the end of its file
};

class Verifier {
 public:
  Verifier(Disk& disk, TrailShape shape, const VerifyOptions& options)
      : disk_(disk),
        shape_(std::move(shape)),
        options_(options),
        chain_({0, kFirstEpoch, {}}, std::nullopt) {}

  Result<VerifyReport> run() {
    begin();
    std::size_t at = 0;
    // What lies wholly before the record that is asked about is not read.
    while (at + 1 < shape_.files.size() && shape_.files[at + 1].first <= options_.from) ++at;
    for (; at < shape_.files.size() && !report_.bad; ++at) {
      report_.files.push_back(shape_.files[at].path);
      if (Result<void> read = read_file(at); !read) return read.error();
    }
    if (!report_.bad) {
      if (Result<void> done = finish(); !done) return done.error();
    }
    report_.last = chain_.head().sequence;
    report_.under_way = stopped_ ? 0 : open_intents_.size();
    report_.ended_in_order = stopped_;
    return std::move(report_);
  }

 private:
  void begin() {
    report_.chained = shape_.chained;
    report_.keyed = shape_.chained && (shape_.keyed || options_.key != nullptr);
    report_.content_proven = shape_.chained && (!report_.keyed || options_.key != nullptr);
    if (options_.key == nullptr) return;
    chain_ = Chain({0, 0, {}}, Secret(options_.key->reveal()));
    chain_.evolve_to(kFirstEpoch);
  }

  Result<void> read_file(std::size_t file) {
    LineReader reader(disk_, shape_.files[file].path, 0);
    RecordPlace place{shape_.files[file].path, 0, 0, 0};
    for (;;) {
      Result<std::optional<LineReader::Piece>> piece = reader.next();
      if (!piece) return piece.error();
      if (!*piece) break;
      ++place.line;
      place.offset = (*piece)->offset;
      end_of_file_ = reader.offset();
      if (Result<void> taken = take(file, place, **piece); !taken) return taken;
      if (report_.bad) return {};
    }
    if (!region_) return {};
    region_->at_end = true;
    return close_region(end_of_file_);
  }

  Result<void> take(std::size_t file, RecordPlace place, const LineReader::Piece& piece) {
    const std::optional<Line> line =
        piece.whole ? read_line(piece.line, shape_.chained) : std::optional<Line>();
    place.sequence = line ? line->sequence : chain_.head().sequence + 1;
    if (!started_ && options_.from > 1) {
      if (Result<void> found = seek(place, line); !found || !started_ || report_.bad) return found;
    }
    if (line && goes_on(*line)) {
      if (region_)
        if (Result<void> closed = close_region(piece.offset); !closed) return closed;
      return accept(file, place, *line, piece.line);
    }
    if (region_) return {};
    if (!line) {
      open_region(file, place, piece);
      return {};
    }
    if (!pending_.empty()) return judge(pending_.front(), line->sequence);
    return judge_line(file, place, *line, piece.line);
  }

  // Looks for the record that is asked about; what it is chained to is taken on trust.
  Result<void> seek(const RecordPlace& place, const std::optional<Line>& line) {
    if (!line) return {};
    const bool names_own = line->event == "audit.start" || line->event == "audit.rotate";
    if (const auto epoch = number_in(line->content, "epoch"); epoch && names_own) epoch_ = *epoch;
    if (line->sequence < options_.from) {
      if (const auto epoch = number_in(line->content, "epoch"); epoch && line->event == "audit.checkpoint")
        epoch_ = *epoch;
      return {};
    }
    ChainHead head{options_.from - 1, epoch_.value_or(kFirstEpoch), line->previous};
    if (options_.key != nullptr) {
      chain_ = Chain({head.sequence, 0, head.hash}, Secret(options_.key->reveal()));
      chain_.evolve_to(head.epoch);
      for (std::uint64_t i = 0; !epoch_ && i < kEpochsMost && chain_.next_hash(line->content) != line->hash;
           ++i)
        chain_.evolve();
    } else {
      chain_ = Chain(head, std::nullopt);
    }
    if (line->sequence > options_.from) {
      bad(BadKind::Missing, place, "the files begin behind the record that was asked for");
      report_.bad->place.sequence = options_.from;
      report_.bad->missing = line->sequence - options_.from;
      if (line->event == "audit.rotate") report_.bad->missing_file = text_in(line->content, "previous");
    }
    started_ = true;
    report_.first = options_.from;
    return {};
  }

  bool goes_on(const Line& line) const {
    if (line.sequence != chain_.head().sequence + 1) return false;
    if (!shape_.chained) return true;
    if (line.previous != chain_.head().hash) return false;
    return !report_.content_proven || chain_.next_hash(line.content) == line.hash;
  }

  Result<void> accept(std::size_t file, const RecordPlace& place, const Line& line, Octets text) {
    if (!started_) {
      started_ = true;
      report_.first = line.sequence;
    }
    chain_.advance(line.hash);
    ++report_.records;
    last_ = place;
    end_ = {place.file, place.line + 1, place.offset + text.size() + 1, line.sequence + 1};
    last_file_ = file;
    next_file_.clear();
    if (options_.state != nullptr && options_.state->head.sequence == line.sequence && shape_.chained &&
        options_.state->head.hash != line.hash) {
      bad(BadKind::Changed, place, "the state file knows another record of this number");
      return {};
    }
    return note(place, line, text);
  }

  // What a good record tells.
  Result<void> note(const RecordPlace& place, const Line& line, Octets text) {
    if (line.event.starts_with("command")) {
      note_command(line.event == "command.intent", text);
    } else if (line.event == "audit.checkpoint") {
      note_checkpoint(place, text);
      stopped_ = std::exchange(stop_seen_, false);
      return {};
    } else if (line.event == "audit.start") {
      ++report_.starts;
      give_up_intents();
    } else if (line.event == "audit.gap") {
      note_gap(line, text);
    } else if (line.event == "audit.recovered") {
      note_recovered(line, text);
    } else if (line.event == "audit.rotate") {
      next_file_ = text_in(text, "next");
    }
    stop_seen_ = line.event == "audit.stop";
    stopped_ = stop_seen_ && !shape_.chained;
    return {};
  }

  void note_gap(const Line& line, Octets text) {
    word(line.sequence, "audit.gap: " + std::string(text_in(text, "cause")) + ", " +
                            std::to_string(number_in(text, "lost").value_or(0)) + " lost");
  }

  void note_command(bool intent, Octets text) {
    std::string id(text_in(text, "id"));
    if (!intent)
      open_intents_.erase(id);
    else if (open_intents_.size() < kIntentsMost)
      open_intents_.insert(std::move(id));
  }

  // The process that would have written their outcome is gone.
  void give_up_intents() {
    report_.unfinished += open_intents_.size();
    for (const std::string& id : open_intents_)
      if (report_.unfinished_ids.size() < VerifyReport::kUnfinishedShown)
        report_.unfinished_ids.push_back(id);
    open_intents_.clear();
  }

  void note_recovered(const Line& line, Octets text) {
    const Octets kind = text_in(text, "kind");
    const std::uint64_t octets = number_in(text, "torn_bytes").value_or(0);
    const auto named = std::find_if(pending_.begin(), pending_.end(), [&](const Region& region) {
      return names(region, number_in(text, "offset").value_or(0), octets, text_in(text, "torn_sha256"));
    });
    if (named != pending_.end() && kind == "torn") {
      ++report_.torn_places;
      report_.torn_bytes += octets;
      pending_.erase(named);
    } else {
      word(line.sequence, "audit.recovered: " + std::string(kind) + ", " +
                              std::string(text_in(text, "file")) + " at octet " +
                              std::to_string(number_in(text, "offset").value_or(0)));
    }
  }

  // A line end was put behind what did not end in one; it is not counted as torn.
  bool names(const Region& region, std::uint64_t offset, std::uint64_t octets, Octets sha256) {
    const std::uint64_t size = region.to - region.place.offset;
    if (offset != region.place.offset || octets == 0 || (octets != size && octets + 1 != size)) return false;
    if (octets > kHashedBytes) return sha256.empty();
    const Result<std::string> torn = disk_.read(region.place.file, offset, static_cast<std::size_t>(size));
    if (!torn || torn->size() != size || (octets < size && torn->back() != '\n')) return false;
    const Octets hashed = Octets(*torn).substr(0, static_cast<std::size_t>(octets));
    return hex(tls::octets_of(tls::sha256({hashed}))) == sha256;
  }

  void word(std::uint64_t sequence, std::string text) {
    if (report_.words.size() < VerifyReport::kWordsMost)
      report_.words.push_back({sequence, std::move(text)});
    else
      ++report_.words_left_out;
  }

  // `place` is the checkpoint's, which has been accepted: the chain stands behind it.
  void note_checkpoint(const RecordPlace& place, Octets text) {
    ++report_.checkpoints;
    TrailCheckpoint checkpoint;
    checkpoint.epoch = number_in(text, "epoch").value_or(0);
    checkpoint.covered = number_in(text, "covered").value_or(0);
    checkpoint.head = text_in(text, "head");
    checkpoint.signature = text_in(text, "signature");
    checkpoint.public_key = text_in(text, "public_key");
    if (checkpoint.covered + 1 != place.sequence || checkpoint.head != text_in(text, "prev"))
      return bad(BadKind::Changed, place, "the checkpoint does not cover the record before it");
    chain_.evolve();
    if (checkpoint.signature.empty()) {
      if (options_.checkpoint_key != nullptr && report_.signed_checkpoints > 0)
        bad(BadKind::Changed, place, "the checkpoint is not signed, but an earlier one was");
      return;
    }
    const auto key = decode_base64(checkpoint.public_key);
    std::array<unsigned char, 32> own{};
    if (key && key->size() == own.size()) std::copy_n(key->reveal().begin(), own.size(), own.begin());
    if (!is_signed_by(checkpoint, options_.checkpoint_key != nullptr ? *options_.checkpoint_key : own))
      return bad(BadKind::Changed, place, "the checkpoint's signature is wrong, or made by another key");
    ++report_.signed_checkpoints;
    report_.signed_up_to = checkpoint.covered;
    report_.public_key = checkpoint.public_key;
  }

  void open_region(std::size_t file, const RecordPlace& place, const LineReader::Piece& piece) {
    region_.emplace();
    region_->place = place;
    region_->file = file;
    // A piece of something longer than any record is not the file's end.
    region_->terminated = piece.whole;
  }

  Result<void> close_region(std::uint64_t to) {
    region_->to = to;
    pending_.push_back(*std::exchange(region_, std::nullopt));
    if (pending_.size() > kPendingMost) return judge(pending_.front(), 0);
    return {};
  }

  // Octets that nobody has accounted for. `next`: the record behind them, 0 if there is none.
  Result<void> judge(const Region& region, std::uint64_t next) {
    const RecordPlace& place = region.place;
    const bool last = region.at_end && region.file + 1 == shape_.files.size();
    if (!last) {
      Result<bool> torn = false;
      if (!region.terminated && region.at_end) torn = looks_torn(region);
      if (!torn) return torn.error();
      if (!*torn) {
        bad(BadKind::Changed, place, "this is no record");
        return {};
      }
      bad(BadKind::CutOff, place, "the file ends in the middle of a record");
      if (next > place.sequence) report_.bad->missing = next - place.sequence;
      return {};
    }
    if (options_.state != nullptr && place.sequence <= options_.state->head.sequence) {
      if (region.to >= options_.state->offset) {
        bad(BadKind::Changed, place, "this is no record");
        return {};
      }
      bad(BadKind::CutOff, place, "the file ends before the place that the state file knows");
      report_.bad->missing = options_.state->head.sequence - place.sequence + 1;
      return {};
    }
    Result<bool> torn = looks_torn(region);
    if (!torn) return torn.error();
    if (*torn)
      bad(BadKind::TornTail, place, "the file ends in octets that are no record, as a crash leaves them");
    else
      bad(BadKind::Changed, place, "this is no record");
    return {};
  }

  // A crash leaves the first octets of a record, or blocks of NULs; not a whole record that is none.
  Result<bool> looks_torn(const Region& region) {
    const std::uint64_t size = std::min<std::uint64_t>(region.to - region.place.offset, 64 * 1024);
    Result<std::string> octets =
        disk_.read(region.place.file, region.place.offset, static_cast<std::size_t>(size));
    if (!octets) return octets.error();
    if (region.terminated) return std::count(octets->begin(), octets->end(), '\0') > 1;
    const Octets text(*octets);
    return text.empty() || !read_line(text.substr(0, text.size() - 1), shape_.chained);
  }

  // A whole record that does not go on the chain.
  Result<void> judge_line(std::size_t file, const RecordPlace& place, const Line& line, Octets text) {
    const ChainHead& head = chain_.head();
    const std::uint64_t expected = head.sequence + 1;
    RecordPlace here = place;
    here.sequence = expected;
    if (shape_.chained && line.previous == head.hash) {
      bad(BadKind::Changed, here, "its hash is not that of its content");
    } else if (line.sequence == expected) {
      judge_link(here, line);
    } else if (line.sequence < expected) {
      if (begins_anew(line)) return begin_anew(file, place, line, text);
      bad(BadKind::Reordered, place, "it stands behind records that were written later, or a second time");
    } else {
      return judge_gap(file, here, line, text);
    }
    return {};
  }

  // The right number, but chained to another record than the one before it.
  void judge_link(const RecordPlace& here, const Line& line) {
    const bool own = report_.content_proven && chain_.hash_behind(line.previous, line.content) == line.hash;
    if (own && chain_.head().sequence >= report_.first && started_)
      bad(BadKind::Changed, last_, "the record behind it was chained to another one in its place");
    else
      bad(BadKind::Changed, here, "it is not chained to the record before it");
  }

  // A pipe has no state: each start begins a trail of its own there. Behind an end in order that can be told
  // from records that are gone.
  bool begins_anew(const Line& line) const {
    return stopped_ && line.sequence == 1 && line.previous == tls::Sha256{} && options_.key == nullptr;
  }
  Result<void> begin_anew(std::size_t file, const RecordPlace& place, const Line& line, Octets text) {
    chain_ = Chain({0, kFirstEpoch, {}}, std::nullopt);
    if (!goes_on(line)) {
      bad(BadKind::Changed, place, "its hash is not that of its content");
      return {};
    }
    word(line.sequence, "the trail begins anew, as on a pipe");
    return accept(file, place, line, text);
  }

  Result<void> judge_gap(std::size_t file, const RecordPlace& here, const Line& line, Octets text) {
    const std::uint64_t expected = here.sequence;
    Result<bool> later = stands_later(file, here, expected);
    if (!later) return later.error();
    if (*later) {
      bad(BadKind::Reordered, here, "the record that belongs here stands further on");
      return {};
    }
    const bool between = started_ && file != last_file_;
    const bool in_order = !between || stopped_ || !next_file_.empty();
    if (in_order) {
      bad(BadKind::Missing, here,
          between || !started_ ? "records are missing before this file"
                               : "records are missing before this line");
      if ((between || !started_) && line.event == "audit.rotate")
        report_.bad->missing_file = text_in(text, "previous");
    } else {
      bad(BadKind::CutOff, end_, "the file ends here, but the trail went on in it");
    }
    report_.bad->missing = line.sequence - expected;
    if (line.event == "audit.gap") note_gap(line, text);
    return {};
  }

  Result<bool> stands_later(std::size_t file, const RecordPlace& here, std::uint64_t expected) {
    for (std::size_t at = file; at < shape_.files.size(); ++at) {
      LineReader reader(disk_, shape_.files[at].path, at == file ? here.offset : 0);
      for (;;) {
        Result<std::optional<LineReader::Piece>> piece = reader.next();
        if (!piece) return piece.error();
        if (!*piece) break;
        if (!(*piece)->whole) continue;
        const std::optional<Line> line = read_line((*piece)->line, shape_.chained);
        if (line && line->sequence == expected && line->previous == chain_.head().hash) return true;
      }
    }
    return false;
  }

  Result<void> finish() {
    if (!pending_.empty()) return judge(pending_.front(), 0);
    if (!started_)
      return Error{ErrorCode::ConfigInvalid,
                   "the files end before record " + std::to_string(options_.from) + ": nothing was verified"};
    const std::uint64_t known = options_.state != nullptr ? options_.state->head.sequence : 0;
    if (known > chain_.head().sequence && next_file_.empty()) {
      bad(BadKind::CutOff, end_, "the trail ends before the record that the state file knows");
      report_.bad->missing = known - chain_.head().sequence;
    } else if (!next_file_.empty() && (options_.state == nullptr || known > chain_.head().sequence)) {
      bad(BadKind::Missing, end_, "the trail goes on in another file, which was not given");
      report_.bad->missing_file = next_file_;
      report_.bad->missing = known > chain_.head().sequence ? known - chain_.head().sequence : 0;
    } else if (options_.checkpoint_key != nullptr && report_.signed_checkpoints == 0) {
      bad(BadKind::Changed, end_, "no checkpoint is signed by the key that was given");
    }
    if (stopped_) give_up_intents();
    return {};
  }

  void bad(BadKind kind, const RecordPlace& place, std::string_view detail) {
    report_.bad = BadRecord{kind, place, 0, {}, detail};
  }

  Disk& disk_;
  TrailShape shape_;
  const VerifyOptions& options_;
  VerifyReport report_;
  Chain chain_;
  bool started_ = false;
  std::optional<std::uint64_t> epoch_;  // of the next record, as those before it tell
  RecordPlace last_;                    // the last good record
  RecordPlace end_;                     // behind it
  std::size_t last_file_ = 0;
  std::string next_file_;   // the last good record is an audit.rotate that names it
  bool stop_seen_ = false;  // the last good record is an audit.stop
  bool stopped_ = false;    // … with the checkpoint that follows it: an end in order
  std::uint64_t end_of_file_ = 0;
  std::optional<Region> region_;
  std::vector<Region> pending_;  // no audit.recovered has named them yet
  std::unordered_set<std::string> open_intents_;
};

}  // namespace

std::string_view name_of(BadKind kind) noexcept {
  constexpr std::string_view kNames[] = {"changed", "missing", "reordered", "cut off", "torn tail"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<VerifyReport> verify(Disk& disk, const std::vector<std::string>& files, const VerifyOptions& options) {
  Result<TrailShape> shape = shape_of(disk, files);
  if (!shape) return shape.error();
  if (shape->files.empty())
    return Error{ErrorCode::FileUnreadable, "there is no record in what was given: nothing can be verified"};
  return Verifier(disk, std::move(*shape), options).run();
}

}  // namespace postern::audit
