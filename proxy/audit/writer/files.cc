// One file after the other: rotation by size, SIGUSR1, and a file that others cut, move or remove.
#include <algorithm>
#include <utility>

#include "audit/writer/writer_impl.h"
#include "base/hex.h"

namespace postern::audit {
namespace {

constexpr std::chrono::minutes kRotateAgain{1};  // after it could not be done

}  // namespace

TrailRotate Writer::Impl::rotate_record(std::string next, std::string previous) const {
  return {std::move(next), std::move(previous), sealer_.chain().head().epoch};
}

// FILE becomes FILE.<sequence of its last record>. A crash between any two steps leaves what recover() finds.
void Writer::Impl::rotate(Clock::time_point now) {
  if (settings_.rotate_size == 0 || output_.size() < settings_.rotate_size || trouble_ != Trouble::None)
    return;
  if (!output_.is_regular() || now < rotate_again_at_) return;
  // A checkpoint and the record of the rotation are still to come.
  const std::uint64_t last = sealer_.chain().head().sequence + (sealer_.chained() ? 2 : 1);
  const std::string old = rotated_path(path_, last);
  // A name that is taken is not taken away, and a file that somebody has moved is theirs.
  if (disk_->identity(old) || disk_->identity(path_) != identity_) return;
  checkpoint();
  seal(rotate_record(name_in_records(path_), {}));
  if (!flush(true)) return;
  rotate_again_at_ = now + kRotateAgain;
  std::string why;
  if (Result<void> renamed = disk_->rename(path_, old); !renamed) {
    why = renamed.error().detail;
  } else {
    Result<std::unique_ptr<File>> file = disk_->open(path_);
    if (const std::optional<FileStatus> status = usable(file, why)) {
      rotate_again_at_ = {};
      prune_due_ = settings_.rotate_keep > 0;
      say(LogLevel::Info, "audit rotated", {{"file", path_}, {"old", old}});
      return leave_for(std::move(*file), *status, rotate_record({}, name_in_records(old)));
    }
    if (Result<void> back = disk_->rename(old, path_); !back) why += "; " + back.error().detail;
  }
  say(LogLevel::Error, "audit not rotated",
      {{"file", path_}, {"reason", why}, {"advice", "the folder must be writable; tried again in a minute"}});
}

// Of the rotated files only the youngest are kept.
void Writer::Impl::prune() {
  prune_due_ = false;
  const std::vector<std::string> old = rotated_files(*disk_, path_);
  for (std::size_t i = 0; i + settings_.rotate_keep < old.size() && settings_.rotate_keep > 0; ++i)
    if (Result<void> removed = disk_->remove(old[i]); !removed)
      say(LogLevel::Warning, "audit file not removed",
          {{"file", old[i]}, {"reason", removed.error().detail}});
}

// Somebody has moved FILE away and wants a new one.
void Writer::Impl::reopen() {
  if (!output_.is_regular()) return;
  const bool same = disk_->identity(path_) == identity_;
  if (same && trouble_ != Trouble::Sync) return;
  Result<std::unique_ptr<File>> file = disk_->open(path_);
  std::string why;
  const std::optional<FileStatus> status = usable(file, why);
  if (!status)
    return say(
        LogLevel::Error, "audit file not reopened",
        {{"file", path_}, {"reason", why}, {"advice", "the old one is written on; send SIGUSR1 again"}});
  if (trouble_ != Trouble::Sync) flush(true);
  if (trouble_ == Trouble::None) {
    checkpoint();
    seal(rotate_record(name_in_records(path_), {}));
    flush(true);
  }
  say(LogLevel::Info, "audit reopened", {{"file", path_}});
  std::optional<Body> first;
  if (!same) first = rotate_record({}, name_in_records(find_file(*disk_, path_, identity_)));
  leave_for(std::move(*file), *status, std::move(first));
}

// The status of what was opened; nothing, and why, if it is of no use.
std::optional<FileStatus> Writer::Impl::usable(const Result<std::unique_ptr<File>>& file, std::string& why) {
  if (!file) {
    why = file.error().detail;
    return std::nullopt;
  }
  if (!(*file)->is_regular()) {
    why = path_ + " is no regular file any more";
    return std::nullopt;
  }
  Result<FileStatus> status = (*file)->status();
  if (status) return *status;
  why = status.error().detail;
  return std::nullopt;
}

// Goes on in another file, whose first record is `first`. What the old one could not take goes ahead of that:
// it is sealed already.
void Writer::Impl::leave_for(std::unique_ptr<File> file, const FileStatus& status,
                             std::optional<Body> first) {
  const std::string old = name_in_records(find_file(*disk_, path_, identity_));
  const std::uint64_t old_size = output_.size();
  const bool was_unsynced = trouble_ == Trouble::Sync;
  const std::string torn = output_.move_to(std::move(file), status.size);
  identity_ = status.identity;
  moved_told_ = false;
  opened_sequence_ = sealer_.chain().head().sequence;
  if (status.size > 0 && !ends_in_line_end(status.size)) output_.buffer().insert(0, "\n");
  if (first) seal(std::move(*first));
  if (!torn.empty()) {
    TrailRecovered left;
    left.file = old;
    left.offset = old_size - torn.size();
    left.torn_bytes = torn.size();
    left.torn_sha256 = hex(tls::octets_of(tls::sha256({torn})));
    seal(std::move(left));
  }
  if (was_unsynced) {
    const std::uint64_t lost = opened_sequence_ - synced_sequence_;
    seal(TrailGap{"fsync_error", lost, old.empty() ? name_in_records(path_) : old}, Outcome::Error);
  }
  if (trouble_ != Trouble::None) trouble_ = Trouble::Write;  // until the new one has proved itself
  state_due_ = true;
  if (flush(true)) persist(false);
}

bool Writer::Impl::ends_in_line_end(std::uint64_t size) {
  const Result<std::string> last = disk_->read(path_, size - 1, 1);
  return last && *last == "\n";
}

// False: there is no file now that can be written.
bool Writer::Impl::watch_file(Clock::time_point now) {
  if (!output_.is_regular()) return true;
  if (trouble_ == Trouble::None && now - watched_at_ < intervals_.watch) return true;
  watched_at_ = now;
  const Result<FileStatus> status = output_.file().status();
  if (!status) return true;
  if (!status->linked) return replace_removed();
  if (status->size != output_.size() && !output_.pending()) tell_size(status->size);
  const bool moved = disk_->identity(path_) != identity_;
  if (moved && !moved_told_)
    say(LogLevel::Warning, "audit file moved",
        {{"file", path_}, {"advice", "it is written on under its new name; send SIGUSR1 for a new file"}});
  moved_told_ = moved;
  return true;
}

// It has no name any more: what it holds is lost as soon as it is closed.
bool Writer::Impl::replace_removed() {
  Result<std::unique_ptr<File>> file = disk_->open(path_);
  std::string why;
  const std::optional<FileStatus> status = usable(file, why);
  if (!status) {
    fail(Trouble::Write, "it was removed, and " + why);
    return false;
  }
  const std::uint64_t lost = sealer_.chain().head().sequence - opened_sequence_;
  say(LogLevel::Error, "audit file removed",
      {{"file", path_},
       {"records", std::to_string(lost)},
       {"advice", "a new one is written; find out who did it"}});
  leave_for(std::move(*file), *status, TrailGap{"removed", lost, name_in_records(path_)});
  return trouble_ == Trouble::None;
}

// Somebody else has cut the file, or written to it.
void Writer::Impl::tell_size(std::uint64_t size) {
  const bool cut = size < output_.size();
  const std::uint64_t octets = cut ? output_.size() - size : size - output_.size();
  say(LogLevel::Error, cut ? "audit file cut" : "audit file written by others",
      {{"file", path_},
       {"octets", std::to_string(octets)},
       {"advice", cut ? "records are gone; rotate by renaming and SIGUSR1, never by copying and truncating"
                      : "each process needs an audit.file of its own; find out who did it"}});
  output_.set_size(size);
  if (size > 0 && disk_->identity(path_) == identity_ && !ends_in_line_end(size)) output_.buffer() += '\n';
  if (cut) seal(TrailGap{"truncated", octets, name_in_records(path_)}, Outcome::Error);
}

}  // namespace postern::audit
