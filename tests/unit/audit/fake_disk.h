// A disk in memory that can be full, break, hang, lose its power and be looked at: what a process leaves when
// it is killed at any of its calls, and what of that a power failure leaves. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "audit/trail/disk.h"

namespace postern::audit {

class FakeDisk final : public Disk, public std::enable_shared_from_this<FakeDisk> {
 public:
  struct Inode {
    std::uint64_t number = 0;
    std::string content;
    std::size_t synced = 0;  // so much of it outlives a power failure
    bool linked = true;
    bool is_pipe = false;
    bool is_full = false;
  };
  // What the disk held before one of the calls that change it, or in the middle of it.
  struct Snapshot {
    std::string call;  // "append", "replace", …
    std::shared_ptr<FakeDisk> disk;
  };

  // --- Disk ---
  Result<std::unique_ptr<File>> open(const std::string& path) override;
  std::optional<FileIdentity> identity(const std::string& path) override;
  Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t most) override;
  Result<void> replace(const std::string& path, Octets content) override;
  Result<void> overwrite(const std::string& path, Octets content) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  std::vector<std::string> list(const std::string& prefix) override;
  Result<void> lock(const std::string& path) override;

  // --- what a test does to it ---
  void set_room(std::size_t octets);             // that can still be appended; then ENOSPC
  void set_full(const std::string& path);        // nothing can be appended to this one any more
  void fail_syncs(int error);                    // 0: they work
  void fail_calls(std::string name, int error);  // "open", "rename", "replace"; 0: they work
  void set_pipe_blocked(bool blocked);           // every pipe: nobody reads it
  void hang(bool hanging);                       // the next append does not return until this is taken back
  void put(const std::string& path, std::string content);  // synced, as a new file
  void put_pipe(const std::string& path);
  void cut(const std::string& path, std::size_t size);
  void add(const std::string& path, Octets octets);  // what somebody else appends
  void flip(const std::string& path, std::size_t offset);
  void keep_snapshots(bool wanted);
  void unlock();  // whoever held locks has ended

  // --- what it looks like ---
  std::string content(const std::string& path);
  std::vector<Snapshot> snapshots();
  std::size_t snapshot_count();
  std::size_t unsynced(const std::string& path);
  std::size_t appends();
  std::size_t syncs();
  // As it is, without whoever has files open.
  std::shared_ptr<FakeDisk> copy();
  // What a power failure leaves: of what was not synced only the first `kept` octets, the first `zeroed` of
  // them as zeros (a block that was never written).
  std::shared_ptr<FakeDisk> after_power_loss(std::size_t kept, std::size_t zeroed);

 private:
  class Handle;
  std::shared_ptr<Inode> find(const std::string& path);
  std::shared_ptr<Inode> make(const std::string& path);
  std::shared_ptr<FakeDisk> copy_locked() const;
  void snapshot(const char* call);
  int failure(const std::string& call) const;
  std::size_t append(Inode& inode, Octets octets, int& error);
  int sync(Inode& inode);

  std::mutex mutex_;
  std::condition_variable released_;
  std::map<std::string, std::shared_ptr<Inode>> names_;
  std::map<std::string, int> failures_;
  std::vector<std::string> locked_;
  std::vector<Snapshot> snapshots_;
  std::uint64_t next_inode_ = 1;
  std::size_t room_ = std::numeric_limits<std::size_t>::max();
  std::size_t appends_ = 0;
  std::size_t syncs_ = 0;
  int sync_error_ = 0;
  bool pipe_blocked_ = false;
  bool hanging_ = false;
  bool wants_snapshots_ = false;
};

}  // namespace postern::audit
