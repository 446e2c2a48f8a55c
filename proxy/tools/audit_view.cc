// `postern audit cat` and `postern audit tail`.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ostream>
#include <thread>

#include "audit/trail/json.h"
#include "audit/trail/line_reader.h"
#include "audit/trail/verify_order.h"
#include "base/escape.h"
#include "tools/audit_row.h"

namespace postern::server {
namespace {

constexpr std::chrono::milliseconds kLookAgain{200};
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::uint64_t kBackMost = 64 * 1024 * 1024;  // octets that tail -n looks back

std::string printable(std::string_view text) {
  std::string out;
  append_escaped(out, text, EscapeStyle::Terminal);
  return out;
}

int refuse(std::ostream& err, const Error& error) {
  err << "postern: " << printable(error.detail) << '\n';
  return 2;
}

Result<AuditView> view_of(const AuditQuestion& question) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Result<AuditFilter> filter =
      AuditFilter::make(question, std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  if (!filter) return filter.error();
  return AuditView(std::move(*filter), question.json);
}

Result<void> show_file(audit::Disk& disk, const std::string& path, AuditView& view, std::ostream& out,
                       std::ostream& err) {
  audit::LineReader reader(disk, path, 0);
  while (out) {
    Result<std::optional<audit::LineReader::Piece>> piece = reader.next();
    if (!piece) return piece.error();
    if (!*piece) break;
    bool broken = false;
    out << view.show((*piece)->line, broken);
    if (broken)
      err << "postern: " << printable(path) << ": no record at octet " << (*piece)->offset
          << "; see `postern audit verify`\n";
  }
  return {};
}

// A file that is written meanwhile, and perhaps moved away.
class Followed {
 public:
  explicit Followed(std::string path) : path_(std::move(path)) {}
  ~Followed() { close_it(); }
  Followed(const Followed&) = delete;
  Followed& operator=(const Followed&) = delete;

  // False: errno says why.
  bool open_it() {
    close_it();
    fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    offset_ = 0;
    return fd_ >= 0;
  }
  // To the begin of the last `lines` lines.
  void skip_to_last(std::uint64_t lines) {
    struct stat now {};
    if (fstat(fd_, &now) != 0) return;
    const auto size = static_cast<std::uint64_t>(now.st_size);
    offset_ = size;
    std::uint64_t found = 0;
    std::string block;
    for (std::uint64_t at = size; at > 0 && size - at < kBackMost;) {
      const std::size_t step = static_cast<std::size_t>(std::min<std::uint64_t>(at, kReadBytes));
      at -= step;
      block.resize(step);
      if (pread(fd_, block.data(), step, static_cast<off_t>(at)) != static_cast<ssize_t>(step)) return;
      for (std::size_t i = step; i-- > 0;) {
        if (block[i] != '\n' || ++found <= lines) continue;
        offset_ = at + i + 1;
        return;
      }
      offset_ = at;
    }
  }
  // What has been added; empty: nothing.
  std::string read_more() {
    std::string block(kReadBytes, '\0');
    const ssize_t got = pread(fd_, block.data(), block.size(), static_cast<off_t>(offset_));
    block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    offset_ += block.size();
    return block;
  }
  enum class Fate : std::uint8_t { Same, Cut, Replaced };
  Fate fate() const {
    struct stat own {
    }, named{};
    if (fstat(fd_, &own) == 0 && static_cast<std::uint64_t>(own.st_size) < offset_) return Fate::Cut;
    if (stat(path_.c_str(), &named) != 0) return Fate::Same;  // the new one is still to come
    return named.st_ino != own.st_ino || named.st_dev != own.st_dev ? Fate::Replaced : Fate::Same;
  }

 private:
  void close_it() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  std::string path_;
  int fd_ = -1;
  std::uint64_t offset_ = 0;
};

// Octets as they come; whole lines are shown, and what is longer than any is left out.
class Shown {
 public:
  Shown(AuditView& view, std::ostream& out, std::ostream& err) : view_(view), out_(out), err_(err) {}
  void add(std::string_view octets) {
    partial_ += octets;
    std::size_t from = 0;
    for (std::size_t end; (end = partial_.find('\n', from)) != std::string::npos; from = end + 1) {
      bool broken = false;
      out_ << view_.show(std::string_view(partial_).substr(from, end - from), broken);
      if (broken) err_ << "postern: a line that is no record; see `postern audit verify`\n";
    }
    partial_.erase(0, from);
    if (partial_.size() > audit::kLineBytes) partial_.clear();
    out_.flush();
  }
  void begin_anew() { partial_.clear(); }

 private:
  AuditView& view_;
  std::ostream& out_;
  std::ostream& err_;
  std::string partial_;
};

}  // namespace

int show_audit(const AuditQuestion& question, std::ostream& out, std::ostream& err) {
  Result<AuditView> view = view_of(question);
  if (!view) return refuse(err, view.error());
  const std::unique_ptr<audit::Disk> disk = audit::make_posix_disk();
  const Result<audit::TrailShape> shape = audit::shape_of(*disk, question.files);
  if (!shape) return refuse(err, shape.error());
  out << view->heading();
  for (const audit::TrailFile& file : shape->files)
    if (Result<void> shown = show_file(*disk, file.path, *view, out, err); !shown)
      return refuse(err, shown.error());
  out << view->rest() << std::flush;
  return 0;
}

int follow_audit(const AuditQuestion& question, std::ostream& out, std::ostream& err) {
  Result<AuditView> view = view_of(question);
  if (!view) return refuse(err, view.error());
  const std::string& path = question.files.front();
  Followed file(path);
  if (!file.open_it())
    return refuse(err, {ErrorCode::FileUnreadable, "cannot read " + path + ": " + std::strerror(errno)});
  Shown shown(*view, out, err);
  out << view->heading() << std::flush;
  file.skip_to_last(question.lines);
  while (out) {
    if (const std::string more = file.read_more(); !more.empty()) {
      shown.add(more);
      continue;
    }
    const Followed::Fate fate = file.fate();
    if (fate == Followed::Fate::Cut)
      err << "postern: " << printable(path) << " was cut; see `postern audit verify`\n";
    if (fate != Followed::Fate::Same) {
      // What came between the last read and the rename is still in the old one.
      while (fate == Followed::Fate::Replaced) {
        const std::string more = file.read_more();
        if (more.empty()) break;
        shown.add(more);
      }
      shown.begin_anew();
      if (!file.open_it())
        return refuse(err, {ErrorCode::FileUnreadable, "cannot read " + path + ": " + std::strerror(errno)});
      continue;
    }
    std::this_thread::sleep_for(kLookAgain);
  }
  return 0;
}

}  // namespace postern::server
