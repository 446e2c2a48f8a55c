// The process is killed, or the power fails, at every call that changes the disk: whatever is left, the next
// start goes on from it, the chain is whole, and every intent that was granted is there.
#include <gtest/gtest.h>

#include <algorithm>

#include "audit/trail/recovery.h"
#include "audit/trail/verify.h"
#include "unit/audit/support.h"

namespace postern::audit {
namespace {

constexpr std::size_t kAll = std::size_t{1} << 30;

class CrashTest : public WriterTest {
 protected:
  // Notes how many calls the disk had seen when the writer said that an intent may go: whatever the disk
  // holds at a later call has to have it.
  void open_noting() {
    auto opened = Writer::open(options_for(settings, disk, &log));
    ASSERT_TRUE(opened) << opened.error().detail;
    writer = std::move(*opened);
    trail = &writer->add_producer([this, post = inbox.post()](std::function<void()> message) {
      post([this, message = std::move(message), seen = disk->snapshot_count()] {
        said_at = seen;
        message();
      });
    });
    writer->start();
  }

  void grant(const std::string& mailbox) {
    ASSERT_TRUE(may(mailbox));
    granted.emplace_back(said_at, mailbox);
    outcome(mailbox);
  }

  // A day of a small trail: two starts, rotations, checkpoints, commands.
  void live() {
    disk->keep_snapshots(true);
    settings.rotate_size = 2500;
    settings.rotate_keep = 0;
    for (int start = 0; start < 2; ++start) {
      open_noting();
      for (int i = 0; i < 4; ++i) grant("mailbox " + std::to_string(granted.size()));
      writer->stop(std::chrono::seconds(60));
      end();
      if (start == 0) disk->unlock();
    }
    disk->keep_snapshots(false);
  }

  // `postern audit verify` agrees.
  void verifies() {
    const Secret key = verifiers_key();
    VerifyOptions options;
    if (!settings.chain_key_file.empty()) options.key = &key;
    std::vector<std::string> files = rotated_files(*disk, kPath);
    files.push_back(kPath);
    const Result<VerifyReport> report = verify(*disk, files, options);
    ASSERT_TRUE(report) << report.error().detail;
    ASSERT_FALSE(report->bad) << name_of(report->bad->kind) << " in " << report->bad->place.file << " at "
                              << report->bad->place.offset << ": " << report->bad->detail;
    ASSERT_EQ(report->records, proof().records);
  }

  // What the next start makes of it.
  void goes_on(const std::shared_ptr<FakeDisk>& left, std::size_t call, const std::string& what) {
    SCOPED_TRACE("call " + std::to_string(call) + ", " + what);
    disk = left;
    open();
    ASSERT_TRUE(writer);
    destroy("afterwards");
    stop();
    const Proof whole = proof();
    ASSERT_EQ(whole.text(), "");
    ASSERT_EQ(whole.intents.count("afterwards"), 1U);
    ASSERT_NO_FATAL_FAILURE(verifies());
    for (const auto& [at, mailbox] : granted) {
      if (at > call) continue;
      ASSERT_EQ(whole.intents.count(mailbox), 1U) << mailbox;
    }
  }

  void every_crash() {
    live();
    const std::vector<FakeDisk::Snapshot> snapshots = disk->snapshots();
    ASSERT_GT(snapshots.size(), 50U);
    for (std::size_t i = 0; i < snapshots.size(); ++i) {
      FakeDisk& at = *snapshots[i].disk;
      ASSERT_NO_FATAL_FAILURE(goes_on(at.copy(), i, snapshots[i].call + ", killed"));
      ASSERT_NO_FATAL_FAILURE(goes_on(at.after_power_loss(0, 0), i, snapshots[i].call + ", power lost"));
      if (at.unsynced(kPath) == 0) continue;
      for (const std::size_t kept : {std::size_t{1}, std::size_t{40}, at.unsynced(kPath) - 1}) {
        const std::string what = snapshots[i].call + ", power lost but for " + std::to_string(kept);
        ASSERT_NO_FATAL_FAILURE(goes_on(at.after_power_loss(kept, 0), i, what));
      }
      ASSERT_NO_FATAL_FAILURE(goes_on(at.after_power_loss(kAll, 300), i, snapshots[i].call + ", a hole"));
    }
  }

  std::size_t said_at = 0;
  std::vector<std::pair<std::size_t, std::string>> granted;
};

TEST_F(CrashTest, AtEveryCall) { every_crash(); }

TEST_F(CrashTest, AtEveryCallWithAKey) {
  with_key();
  every_crash();
}

TEST_F(CrashTest, AtEveryCallWithoutAChain) {
  settings.chain = false;
  every_crash();
}

// A crash while the traces of the last one are told of.
TEST_F(CrashTest, AtEveryCallOfARecovery) {
  with_key();
  open();
  destroy("one");
  stop();
  disk->add(kPath, "{\"ts\":\"2026-01-01T00:00");
  disk->keep_snapshots(true);
  open();
  destroy("two");
  writer->stop(std::chrono::seconds(60));
  end();
  const std::vector<FakeDisk::Snapshot> snapshots = disk->snapshots();
  ASSERT_GT(snapshots.size(), 10U);
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    FakeDisk& at = *snapshots[i].disk;
    ASSERT_NO_FATAL_FAILURE(goes_on(at.copy(), i, snapshots[i].call + ", killed"));
    EXPECT_GE(proof().torn_bytes, 23U);
    ASSERT_NO_FATAL_FAILURE(goes_on(at.after_power_loss(0, 0), i, snapshots[i].call + ", power lost"));
    ASSERT_NO_FATAL_FAILURE(
        goes_on(at.after_power_loss(100, 0), i, snapshots[i].call + ", power lost but for 100"));
    EXPECT_GE(proof().torn_bytes, 23U);
  }
}

}  // namespace
}  // namespace postern::audit
