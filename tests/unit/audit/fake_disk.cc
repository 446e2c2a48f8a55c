#include "unit/audit/fake_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace postern::audit {
namespace {

constexpr std::uint64_t kDevice = 7;

Error failed(const std::string& what, const std::string& path, int error) {
  return {ErrorCode::SystemCall, "cannot " + what + " " + path + ": " + std::strerror(error)};
}

}  // namespace

class FakeDisk::Handle final : public File {
 public:
  Handle(std::shared_ptr<FakeDisk> disk, std::shared_ptr<Inode> inode)
      : disk_(std::move(disk)), inode_(std::move(inode)) {}

  std::size_t append(Octets octets, int& error) override { return disk_->append(*inode_, octets, error); }
  int sync() override { return disk_->sync(*inode_); }
  Result<FileStatus> status() override {
    const std::lock_guard lock(disk_->mutex_);
    return FileStatus{{kDevice, inode_->number}, inode_->content.size(), inode_->linked};
  }
  bool is_regular() const noexcept override { return !inode_->is_pipe; }

 private:
  std::shared_ptr<FakeDisk> disk_;
  std::shared_ptr<Inode> inode_;
};

std::shared_ptr<FakeDisk::Inode> FakeDisk::find(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

std::shared_ptr<FakeDisk::Inode> FakeDisk::make(const std::string& path) {
  auto inode = std::make_shared<Inode>();
  inode->number = next_inode_++;
  if (const auto before = find(path)) before->linked = false;
  names_[path] = inode;
  return inode;
}

int FakeDisk::failure(const std::string& call) const {
  const auto found = failures_.find(call);
  return found == failures_.end() ? 0 : found->second;
}

std::shared_ptr<FakeDisk> FakeDisk::copy_locked() const {
  auto out = std::make_shared<FakeDisk>();
  out->next_inode_ = next_inode_;
  for (const auto& [name, inode] : names_) out->names_[name] = std::make_shared<Inode>(*inode);
  return out;
}

void FakeDisk::snapshot(const char* call) {
  if (wants_snapshots_) snapshots_.push_back({call, copy_locked()});
}

Result<std::unique_ptr<File>> FakeDisk::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  snapshot("open");
  if (const int error = failure("open")) return failed("open", path, error);
  std::shared_ptr<Inode> inode = find(path);
  if (!inode) inode = make(path);
  return std::unique_ptr<File>(std::make_unique<Handle>(shared_from_this(), inode));
}

std::optional<FileIdentity> FakeDisk::identity(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto inode = find(path);
  if (!inode) return std::nullopt;
  return FileIdentity{kDevice, inode->number};
}

Result<std::string> FakeDisk::read(const std::string& path, std::uint64_t offset, std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto inode = find(path);
  if (!inode) return failed("read", path, ENOENT);
  if (offset >= inode->content.size()) return std::string();
  return inode->content.substr(static_cast<std::size_t>(offset), most);
}

Result<void> FakeDisk::replace(const std::string& path, Octets content) {
  const std::lock_guard lock(mutex_);
  snapshot("replace");
  if (const int error = failure("replace")) return failed("replace", path, error);
  const auto inode = make(path);
  inode->content = content;
  inode->synced = content.size();
  return {};
}

Result<void> FakeDisk::overwrite(const std::string& path, Octets content) {
  const std::lock_guard lock(mutex_);
  snapshot("overwrite");
  if (const int error = failure("overwrite")) return failed("write", path, error);
  const auto inode = find(path);
  if (!inode) return failed("write", path, ENOENT);
  inode->content = content;
  inode->synced = content.size();
  return {};
}

Result<void> FakeDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  snapshot("rename");
  if (const int error = failure("rename")) return failed("rename", from, error);
  const auto inode = find(from);
  if (!inode) return failed("rename", from, ENOENT);
  if (const auto before = find(to)) before->linked = false;
  names_.erase(from);
  names_[to] = inode;
  return {};
}

Result<void> FakeDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  snapshot("remove");
  const auto inode = find(path);
  if (!inode) return failed("remove", path, ENOENT);
  inode->linked = false;
  names_.erase(path);
  return {};
}

std::vector<std::string> FakeDisk::list(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, inode] : names_)
    if (name.starts_with(prefix)) out.push_back(name);
  return out;
}

Result<void> FakeDisk::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (std::find(locked_.begin(), locked_.end(), path) != locked_.end())
    return Error{ErrorCode::SystemCall, path + " is held by another process"};
  locked_.push_back(path);
  return {};
}

// In two steps where it can be: a process can be killed between them.
std::size_t FakeDisk::append(Inode& inode, Octets octets, int& error) {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [this] { return !hanging_; });
  ++appends_;
  error = 0;
  if (inode.is_pipe && pipe_blocked_) {
    error = EAGAIN;
    return 0;
  }
  snapshot("append");
  const Octets taken = octets.substr(0, inode.is_full ? 0 : room_);
  inode.content += taken.substr(0, taken.size() / 2);
  if (taken.size() > 1) snapshot("half an append");
  inode.content += taken.substr(taken.size() / 2);
  if (room_ != std::numeric_limits<std::size_t>::max()) room_ -= taken.size();
  if (taken.size() < octets.size()) error = ENOSPC;
  return taken.size();
}

int FakeDisk::sync(Inode& inode) {
  const std::lock_guard lock(mutex_);
  ++syncs_;
  snapshot("sync");
  if (sync_error_ != 0) return sync_error_;
  inode.synced = inode.content.size();
  return 0;
}

void FakeDisk::set_room(std::size_t octets) {
  const std::lock_guard lock(mutex_);
  room_ = octets;
}

void FakeDisk::set_full(const std::string& path) {
  const std::lock_guard lock(mutex_);
  find(path)->is_full = true;
}

void FakeDisk::fail_syncs(int error) {
  const std::lock_guard lock(mutex_);
  sync_error_ = error;
}

void FakeDisk::fail_calls(std::string name, int error) {
  const std::lock_guard lock(mutex_);
  failures_[std::move(name)] = error;
}

void FakeDisk::set_pipe_blocked(bool blocked) {
  const std::lock_guard lock(mutex_);
  pipe_blocked_ = blocked;
}

void FakeDisk::hang(bool hanging) {
  const std::lock_guard lock(mutex_);
  hanging_ = hanging;
  released_.notify_all();
}

void FakeDisk::put(const std::string& path, std::string content) {
  const std::lock_guard lock(mutex_);
  const auto inode = make(path);
  inode->content = std::move(content);
  inode->synced = inode->content.size();
}

void FakeDisk::put_pipe(const std::string& path) {
  const std::lock_guard lock(mutex_);
  make(path)->is_pipe = true;
}

void FakeDisk::cut(const std::string& path, std::size_t size) {
  const std::lock_guard lock(mutex_);
  const auto inode = find(path);
  inode->content.resize(size);
  inode->synced = std::min(inode->synced, size);
}

void FakeDisk::add(const std::string& path, Octets octets) {
  const std::lock_guard lock(mutex_);
  const auto inode = find(path);
  inode->content += octets;
  inode->synced = inode->content.size();
}

void FakeDisk::flip(const std::string& path, std::size_t offset) {
  const std::lock_guard lock(mutex_);
  char& octet = find(path)->content[offset];
  octet = static_cast<char>(octet ^ 1);
}

void FakeDisk::keep_snapshots(bool wanted) {
  const std::lock_guard lock(mutex_);
  wants_snapshots_ = wanted;
}

void FakeDisk::unlock() {
  const std::lock_guard lock(mutex_);
  locked_.clear();
}

std::string FakeDisk::content(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto inode = find(path);
  return inode ? inode->content : std::string();
}

std::vector<FakeDisk::Snapshot> FakeDisk::snapshots() {
  const std::lock_guard lock(mutex_);
  return snapshots_;
}

std::size_t FakeDisk::snapshot_count() {
  const std::lock_guard lock(mutex_);
  return snapshots_.size();
}

std::size_t FakeDisk::unsynced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto inode = find(path);
  return inode ? inode->content.size() - inode->synced : 0;
}

std::size_t FakeDisk::appends() {
  const std::lock_guard lock(mutex_);
  return appends_;
}

std::size_t FakeDisk::syncs() {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

std::shared_ptr<FakeDisk> FakeDisk::copy() {
  const std::lock_guard lock(mutex_);
  return copy_locked();
}

std::shared_ptr<FakeDisk> FakeDisk::after_power_loss(std::size_t kept, std::size_t zeroed) {
  const std::lock_guard lock(mutex_);
  auto out = copy_locked();
  for (const auto& [name, inode] : out->names_) {
    const std::size_t left = std::min(inode->content.size() - inode->synced, kept);
    inode->content.resize(inode->synced + left);
    for (std::size_t i = 0; i < std::min(left, zeroed); ++i) inode->content[inode->synced + i] = '\0';
    inode->synced = inode->content.size();
  }
  return out;
}

}  // namespace postern::audit
