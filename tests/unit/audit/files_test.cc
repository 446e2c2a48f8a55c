// One file after the other: rotation by size, SIGUSR1, and files that somebody cuts, moves or removes.
#include <gtest/gtest.h>

#include <cerrno>

#include "audit/trail/recovery.h"
#include "unit/audit/support.h"

namespace postern::audit {
namespace {

class FilesTest : public WriterTest {
 protected:
  // Until so many files have been rotated.
  void fill(std::size_t rotations) {
    while (rotated_files(*disk, kPath).size() < rotations) destroy("filler");
  }
  std::string last_line(const std::string& path) const {
    const std::string all = disk->content(path);
    return all.substr(all.rfind('\n', all.size() - 2) + 1);
  }
  std::string first_line(const std::string& path) const {
    const std::string all = disk->content(path);
    return all.substr(0, all.find('\n'));
  }
  // All that came before is in the file.
  void seen() { ASSERT_TRUE(may("seen")); }

  const std::string moved_ = std::string(kPath) + ".1";
};

TEST_F(FilesTest, RotatesBySizeAndNamesBothFiles) {
  with_key();
  settings.rotate_size = 4000;
  open();
  fill(3);
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  const std::vector<std::string> files = rotated_files(*disk, kPath);
  ASSERT_EQ(files.size(), 3U);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string last = last_line(files[i]);
    const std::string next = i + 1 < files.size() ? files[i + 1] : std::string(kPath);
    EXPECT_EQ(field(last, "event"), "audit.rotate");
    EXPECT_EQ(field(last, "next"), "trail");
    EXPECT_EQ(rotated_path(kPath, std::stoull(field(last, "seq"))), files[i]);
    EXPECT_EQ(field(first_line(next), "event"), "audit.rotate");
    EXPECT_EQ(field(first_line(next), "previous"), name_in_records(files[i]));
    EXPECT_GE(disk->content(files[i]).size(), 4000U);
    EXPECT_EQ(disk->unsynced(files[i]), 0U);
  }
}

TEST_F(FilesTest, KeepsAsManyAsItIsTold) {
  settings.rotate_size = 2000;
  settings.rotate_keep = 2;
  disk->put(std::string(kPath) + ".1.gz", "of another tool");
  open();
  std::string first;
  for (int i = 0; i < 40; ++i) {
    destroy("filler");
    if (first.empty() && !rotated_files(*disk, kPath).empty()) first = rotated_files(*disk, kPath).front();
  }
  stop();
  EXPECT_EQ(rotated_files(*disk, kPath).size(), 2U);
  EXPECT_EQ(disk->identity(first), std::nullopt);
  EXPECT_EQ(disk->content(std::string(kPath) + ".1.gz"), "of another tool");
}

TEST_F(FilesTest, ANameThatIsTakenIsNotTakenAway) {
  settings.rotate_size = 2000;
  for (std::uint64_t sequence = 1; sequence < 30; ++sequence)
    disk->put(rotated_path(kPath, sequence), "another's");
  open();
  while (rotated_files(*disk, kPath).size() == 29) destroy("filler");
  stop();
  for (std::uint64_t sequence = 1; sequence < 30; ++sequence)
    EXPECT_EQ(disk->content(rotated_path(kPath, sequence)), "another's");
  for (std::uint64_t sequence = 1; sequence < 30; ++sequence)
    ASSERT_TRUE(disk->remove(rotated_path(kPath, sequence)));
  EXPECT_EQ(proof().text(), "");
}

TEST_F(FilesTest, ARotationThatFailsKeepsTheFile) {
  settings.rotate_size = 2000;
  disk->fail_calls("rename", EACCES);
  open();
  while (log.count("audit not rotated") == 0) destroy("filler");
  destroy("after");
  stop();
  EXPECT_TRUE(rotated_files(*disk, kPath).empty());
  EXPECT_EQ(proof().text(), "");
  EXPECT_EQ(log.count("audit not rotated"), 1U);  // not at every record
}

TEST_F(FilesTest, ARotationWithoutANewFileIsTakenBack) {
  settings.rotate_size = 2000;
  open();
  disk->fail_calls("open", EMFILE);
  while (log.count("audit not rotated") == 0) destroy("filler");
  disk->fail_calls("open", 0);
  destroy("after");
  stop();
  EXPECT_TRUE(rotated_files(*disk, kPath).empty());
  EXPECT_EQ(proof().text(), "");
}

TEST_F(FilesTest, AReloadChangesTheSize) {
  open();
  for (int i = 0; i < 20; ++i) destroy("filler");
  EXPECT_TRUE(rotated_files(*disk, kPath).empty());
  settings.rotate_size = 2000;
  writer->configure(settings);
  fill(1);
  stop();
  EXPECT_EQ(proof().text(), "");
}

TEST_F(FilesTest, AReopenedFileGoesOnFromTheOldOne) {
  with_key();
  open();
  destroy("before");
  ASSERT_TRUE(disk->rename(kPath, moved_));
  seen();
  log.wait_for("audit file moved");
  seen();
  EXPECT_EQ(log.count("audit file moved"), 1U);
  writer->reopen();
  log.wait_for("audit reopened");
  destroy("after");
  stop();
  EXPECT_EQ(field(last_line(moved_), "event"), "audit.rotate");
  EXPECT_EQ(field(last_line(moved_), "next"), "trail");
  EXPECT_EQ(field(first_line(kPath), "event"), "audit.rotate");
  EXPECT_EQ(field(first_line(kPath), "previous"), "trail.1");
  ASSERT_TRUE(disk->rename(moved_, rotated_path(kPath, 1)));  // where the proof looks for it
  EXPECT_EQ(proof().text(), "");
}

TEST_F(FilesTest, ReopeningTheSameFileDoesNothing) {
  open();
  destroy("before");
  writer->reopen();
  destroy("after");
  stop();
  EXPECT_EQ(proof().count("audit.rotate"), 0U);
  EXPECT_EQ(proof().text(), "");
}

TEST_F(FilesTest, AFileThatCannotBeReopenedIsWrittenOn) {
  open();
  destroy("before");
  ASSERT_TRUE(disk->rename(kPath, moved_));
  disk->fail_calls("open", EACCES);
  writer->reopen();
  EXPECT_NE(log.wait_for("audit file not reopened").find("Permission denied"), std::string::npos);
  destroy("after");
  disk->fail_calls("open", 0);
  writer->reopen();
  log.wait_for("audit reopened");
  stop();
  ASSERT_TRUE(disk->rename(moved_, rotated_path(kPath, 1)));
  EXPECT_EQ(proof().text(), "");
}

// The full disk is left for another one: the record that was begun is written again, as a whole.
TEST_F(FilesTest, ReopeningLeavesAFullDiskBehind) {
  std::size_t times = 0;
  for (const std::size_t room : {0U, 1U, 200U, 311U}) {
    disk = std::make_shared<FakeDisk>();
    with_key();
    open();
    destroy("before");
    seen();
    disk->set_room(room);
    EXPECT_FALSE(may("refused"));
    ASSERT_TRUE(disk->rename(kPath, moved_));
    disk->set_full(moved_);
    disk->set_room(std::size_t{1} << 30);
    writer->reopen();
    log.wait_for("audit is written again", ++times);
    destroy("after");
    stop();
    ASSERT_TRUE(disk->rename(moved_, rotated_path(kPath, 1)));
    const Proof whole = proof();
    // The torn octets are named by the name that the file had then.
    EXPECT_EQ(whole.intents, (std::multiset<std::string>{"before", "seen", "refused", "after"})) << room;
    EXPECT_EQ(whole.find("audit.recovered") != nullptr, room > 0) << room;
    if (room == 0) {
      EXPECT_EQ(whole.text(), "");
    } else {
      EXPECT_EQ(field(*whole.find("audit.recovered"), "file"), "trail.1");
      EXPECT_EQ(field(*whole.find("audit.recovered"), "torn_bytes"), std::to_string(room));
    }
    told.answers.clear();
  }
}

TEST_F(FilesTest, ARemovedFileIsMadeAnewAndToldOf) {
  open();
  destroy("lost");
  seen();
  ASSERT_TRUE(disk->remove(kPath));
  destroy("kept");
  log.wait_for("audit file removed");
  stop();
  const std::string all = disk->content(kPath);
  EXPECT_EQ(field(first_line(kPath), "event"), "audit.gap");
  EXPECT_EQ(field(first_line(kPath), "cause"), "removed");
  EXPECT_EQ(field(first_line(kPath), "lost"), "4");
  EXPECT_NE(all.find("\"kept\""), std::string::npos);
}

TEST_F(FilesTest, ARemovedFileThatCannotBeMadeAnewIsNoFile) {
  open();
  destroy("lost");
  ASSERT_TRUE(disk->remove(kPath));
  disk->fail_calls("open", ENOSPC);
  EXPECT_FALSE(may("refused"));
  EXPECT_FALSE(writer->writable());
  disk->fail_calls("open", 0);
  log.wait_for("audit is written again");
  destroy("kept");
  stop();
  EXPECT_EQ(field(first_line(kPath), "cause"), "removed");
}

TEST_F(FilesTest, ACutFileIsToldOf) {
  open();
  destroy("lost");
  seen();
  const std::size_t size = disk->content(kPath).size();
  disk->cut(kPath, 100);  // in the middle of the first record
  destroy("kept");
  EXPECT_NE(log.wait_for("audit file cut").find("octets=" + std::to_string(size - 100)), std::string::npos);
  stop();
  const std::string all = disk->content(kPath);
  const std::string gap = all.substr(101, all.find('\n', 101) - 101);  // on a line of its own
  EXPECT_EQ(field(gap, "event"), "audit.gap");
  EXPECT_EQ(field(gap, "cause"), "truncated");
  EXPECT_EQ(field(gap, "lost"), std::to_string(size - 100));
}

TEST_F(FilesTest, OthersWhoWriteAreToldOf) {
  open();
  destroy("one");
  disk->add(kPath, "something else");
  destroy("two");
  log.wait_for("audit file written by others");
  stop();
  EXPECT_NE(disk->content(kPath).find("something else\n{\"ts\""), std::string::npos);
}

}  // namespace
}  // namespace postern::audit
