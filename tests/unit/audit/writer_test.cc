// What the writer does when nothing goes wrong, and when the disk does: over a disk in memory.
#include "audit/writer/writer.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

#include "audit/trail/state.h"
#include "audit/writer/port.h"
#include "crypto/digest.h"
#include "unit/audit/support.h"
#include "unit/tls/certificates.h"

namespace postern::audit {
namespace {

using Events = std::vector<std::string>;

TEST_F(WriterTest, TheTrailOfOneCommand) {
  open();
  destroy("INBOX");
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.events,
            (Events{"audit.start", "command.intent", "command", "audit.stop", "audit.checkpoint"}));
  EXPECT_EQ(disk->unsynced(kPath), 0U);
}

TEST_F(WriterTest, AnIntentIsSyncedBeforeItIsGranted) {
  open();
  ASSERT_TRUE(may("INBOX"));
  const auto after_failure = disk->after_power_loss(0, 0);
  EXPECT_EQ(prove(*after_failure, kPath, nullptr).intents.count("INBOX"), 1U);
}

TEST_F(WriterTest, ManyWaitForOneSync) {
  open();
  ASSERT_TRUE(may("first"));
  disk->hang(true);
  const std::size_t before = disk->syncs();
  ASSERT_EQ(ask("second"), AuditAnswer::Waiting);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask("many"), AuditAnswer::Waiting);
  disk->hang(false);
  inbox.run_until([&] { return told.answers.size() == hold; });
  for (const auto& [number, granted] : told.answers) EXPECT_TRUE(granted) << number;
  EXPECT_LE(disk->syncs() - before, 3U);  // the second's, the others', perhaps one for FILE.state
}

TEST_F(WriterTest, GoesOnAfterARestart) {
  with_key();
  for (int run = 0; run < 3; ++run) {
    open();
    destroy("run " + std::to_string(run));
    stop();
  }
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.records, 15U);
  EXPECT_EQ(whole.count("audit.recovered"), 0U);
  EXPECT_EQ(field(whole.lines.back(), "seq"), "15");
}

TEST_F(WriterTest, WithoutAChainRecordsAreOnlyNumbered) {
  settings.chain = false;
  for (int run = 0; run < 2; ++run) {
    open();
    destroy("INBOX");
    stop();
  }
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.records, 8U);
  EXPECT_EQ(whole.count("audit.checkpoint"), 0U);
  EXPECT_EQ(whole.lines[0].find("\"hash\""), std::string::npos);
  EXPECT_EQ(whole.lines[0].find("\"prev\""), std::string::npos);
}

TEST_F(WriterTest, TheFirstKeyIsTakenOutOfItsFile) {
  with_key();
  open();
  stop();
  const std::string left = disk->content(kKeyPath);
  EXPECT_TRUE(left.starts_with("# taken: ")) << left;
  EXPECT_GE(left.size(), test_key_text().size() + 1);  // nothing of the key shows behind it
  // The first epoch is over with the checkpoint at the end: its key is nowhere any more.
  EXPECT_EQ(disk->content(std::string(kPath) + ".state").find(test_key_text()), std::string::npos);
  EXPECT_EQ(proof().text(), "");
}

TEST_F(WriterTest, AKeyFileThatCannotBeWrittenIsWarnedOf) {
  with_key();
  disk->fail_calls("overwrite", EROFS);
  open();
  log.wait_for("still holds the first key");
  stop();
  open();  // … and again, and now it can be
  stop();
  EXPECT_TRUE(disk->content(kKeyPath).starts_with("# taken: "));
  EXPECT_EQ(proof().text(), "");
}

TEST_F(WriterTest, WhatATrailIsMadeOfCannotChange) {
  open();
  stop();
  settings.chain = false;
  EXPECT_NE(open_error().find("begun with chain: true"), std::string::npos);
  settings.chain = true;
  disk = disk->copy();
  with_key();
  EXPECT_NE(open_error().find("begun without a chain_key_file"), std::string::npos);
}

TEST_F(WriterTest, ALostStateOfAKeyedTrailIsAnError) {
  with_key();
  open();
  stop();
  ASSERT_TRUE(disk->remove(std::string(kPath) + ".state"));
  EXPECT_NE(open_error().find("has been taken, but"), std::string::npos);
  disk = disk->copy();
  disk->put(kKeyPath, test_key_text() + "\n");
  EXPECT_NE(open_error().find("has records already"), std::string::npos);
}

TEST_F(WriterTest, ANewKeyDoesNotFitAnOldTrail) {
  with_key();
  open();
  stop();
  disk->put(kKeyPath, std::string(64, 'a') + "\n");
  EXPECT_NE(open_error().find("holds a new key"), std::string::npos);
  disk = disk->copy();
  disk->put(kKeyPath, "nonsense\n");
  EXPECT_NE(open_error().find("postern audit keygen"), std::string::npos);
}

TEST_F(WriterTest, ALostStateWithoutAKeyIsWarnedOf) {
  open();
  destroy("INBOX");
  stop();
  ASSERT_TRUE(disk->remove(std::string(kPath) + ".state"));
  open();
  log.wait_for("state is missing");
  stop();
  EXPECT_EQ(proof().text(), "");
  EXPECT_EQ(proof().records, 8U);
}

TEST_F(WriterTest, AFileOfSomethingElseIsNotWrittenTo) {
  disk->put(kPath, "something: else\n");
  EXPECT_NE(open_error().find("does not begin with a record of this trail"), std::string::npos);
  EXPECT_EQ(disk->content(kPath), "something: else\n");
}

TEST_F(WriterTest, TwoProcessesDoNotShareAFile) {
  open();
  EXPECT_NE(open_error().find("is being written already"), std::string::npos);
}

TEST_F(WriterTest, ACheckpointEveryThousandRecords) {
  with_key();
  open();
  for (int i = 0; i < 2500; ++i) {
    while (!trail->reserve()) std::this_thread::yield();
    outcome("INBOX");
  }
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.outcomes.size(), 2500U);
  EXPECT_EQ(whole.count("audit.checkpoint"), 3U);
  EXPECT_EQ(whole.events[1000], "audit.checkpoint");
  EXPECT_EQ(field(whole.lines[1000], "epoch"), "2");
  EXPECT_EQ(field(whole.lines[1000], "covered"), "1000");
}

TEST_F(WriterTest, ACheckpointAfterAWhile) {
  auto options = options_for(settings, disk, &log);
  options.intervals.checkpoint = std::chrono::milliseconds(1);
  auto opened = Writer::open(std::move(options));
  ASSERT_TRUE(opened);
  writer = std::move(*opened);
  trail = &writer->add_producer(inbox.post());
  writer->start();
  // audit.start alone is covered, without anything else that happens; then nothing more comes.
  while (disk->content(kPath).find("audit.checkpoint") == std::string::npos) std::this_thread::yield();
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.events, (Events{"audit.start", "audit.checkpoint", "audit.stop", "audit.checkpoint"}));
}

TEST_F(WriterTest, CheckpointsAreSigned) {
  const tls::testing::TempFolder folder;
  const tls::SigningKey key = tls::SigningKey::generate();
  settings.checkpoint_key_file = folder.write("sign.key", std::string(key.pem().reveal()));
  open();
  stop();
  const Proof whole = proof();
  const std::string* line = whole.find("audit.checkpoint");
  ASSERT_NE(line, nullptr);
  TrailCheckpoint told_of;
  told_of.epoch = std::stoull(field(*line, "epoch"));
  told_of.covered = std::stoull(field(*line, "covered"));
  told_of.head = field(*line, "head");
  told_of.signature = field(*line, "signature");
  EXPECT_TRUE(is_signed_by(told_of, key.public_key()));
  settings.checkpoint_key_file = folder.path("none");
  disk = disk->copy();
  EXPECT_NE(open_error().find("none"), std::string::npos);
}

// --- a disk that is full, or broken ---

TEST_F(WriterTest, AFullDiskRefusesAndLosesNothing) {
  open();
  destroy("before");
  disk->set_room(100);
  EXPECT_FALSE(may("refused"));
  EXPECT_FALSE(writer->writable());
  EXPECT_FALSE(writer->status().up);
  EXPECT_FALSE(trail->writable());
  EXPECT_FALSE(trail->reserve());
  EXPECT_EQ(ask("at once"), AuditAnswer::Refused);
  EXPECT_NE(log.wait_for("audit write failed").find("No space left on device"), std::string::npos);
  trail->write(command("meanwhile", false), AuditRoom::Ordinary);
  disk->set_room(std::size_t{1} << 30);
  log.wait_for("audit is written again");
  EXPECT_TRUE(writer->writable());
  destroy("after");
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.intents, (std::multiset<std::string>{"before", "refused", "after"}));
  EXPECT_EQ(whole.outcomes, (std::multiset<std::string>{"before", "meanwhile", "after"}));
  EXPECT_EQ(whole.count("audit.gap"), 0U);
}

TEST_F(WriterTest, WithAllowAFullDiskLetsPassAndCounts) {
  settings.on_failure = config::OnAuditFailure::Allow;
  open();
  disk->set_room(100);
  EXPECT_TRUE(may("passes"));
  log.wait_for("audit write failed");
  EXPECT_TRUE(writer->writable());
  EXPECT_FALSE(writer->status().up);
  std::size_t asked = 0;
  while (writer->status().dropped_write_error < 10) {
    EXPECT_EQ(ask("passes"), AuditAnswer::Granted);
    ++asked;
  }
  disk->set_room(std::size_t{1} << 30);
  log.wait_for("audit records lost");
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.intents.size() + 10, asked + 1);
  ASSERT_NE(whole.find("audit.gap"), nullptr);
  EXPECT_EQ(field(*whole.find("audit.gap"), "cause"), "write_error");
  EXPECT_EQ(field(*whole.find("audit.gap"), "lost"), "10");
}

TEST_F(WriterTest, WhatFindsNoRoomInTheRingIsToldOf) {
  open();
  disk->hang(true);
  ASSERT_EQ(ask("first"), AuditAnswer::Waiting);
  while (writer->status().dropped_queue_full < 5) trail->write(command("filler", false), AuditRoom::Ordinary);
  disk->hang(false);
  log.wait_for("audit records lost");
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < whole.events.size(); ++i)
    if (whole.events[i] == "audit.gap") lost += std::stoull(field(whole.lines[i], "lost"));
  EXPECT_EQ(lost, 5U);
}

// Every place at which a write can stop.
TEST_F(WriterTest, AWriteThatStopsAnywhereGoesOnThere) {
  open();
  destroy("INBOX");
  stop();
  const std::size_t all = disk->content(kPath).size();
  for (std::size_t room = 0; room <= all; ++room) {
    disk = std::make_shared<FakeDisk>();
    disk->set_room(room);
    open();
    if (may("INBOX")) outcome("INBOX");
    disk->set_room(std::size_t{1} << 30);
    stop();
    const Proof whole = proof();
    ASSERT_EQ(whole.text(), "") << room;
    ASSERT_EQ(whole.count("audit.stop"), 1U) << room;
    ASSERT_EQ(disk->content(kPath).back(), '\n');
    told.answers.clear();
  }
}

TEST_F(WriterTest, ASyncThatFailsIsNeverTriedAgain) {
  open();
  destroy("before");
  disk->fail_syncs(EIO);
  EXPECT_FALSE(may("refused"));
  log.wait_for("audit sync failed");
  disk->fail_syncs(0);
  const std::size_t syncs = disk->syncs();
  EXPECT_EQ(ask("refused"), AuditAnswer::Refused);
  writer->configure(settings);  // wakes it
  EXPECT_FALSE(writer->writable());
  EXPECT_EQ(disk->syncs(), syncs);
  writer->reopen();
  log.wait_for("audit is written again");
  destroy("after");
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  ASSERT_NE(whole.find("audit.gap"), nullptr);
  EXPECT_EQ(field(*whole.find("audit.gap"), "cause"), "fsync_error");
  EXPECT_NE(field(*whole.find("audit.gap"), "lost"), "0");
}

TEST_F(WriterTest, AfterASyncThatFailedARestartGoesOn) {
  with_key();
  open();
  destroy("before");
  disk->fail_syncs(EIO);
  EXPECT_FALSE(may("refused"));
  writer->stop(Duration::zero());
  log.wait_for("audit left unfinished");
  end();
  disk->fail_syncs(0);
  disk = disk->after_power_loss(0, 0);
  open();
  stop();
  EXPECT_EQ(proof().text(), "");
  EXPECT_EQ(proof().intents.count("before"), 1U);
}

TEST_F(WriterTest, AStateThatCannotBeWrittenStopsNothing) {
  with_key();
  open();
  destroy("one");
  disk->fail_calls("replace", ENOSPC);
  writer->reopen();  // nothing happens: it is the same file
  for (int i = 0; i < 1500; ++i) trail->write(command("filler", false), AuditRoom::Ordinary);
  log.wait_for("audit state not written");
  destroy("two");
  writer->stop(std::chrono::seconds(60));
  end();
  disk = disk->copy();
  open();
  stop();
  EXPECT_EQ(proof().text(), "");
  EXPECT_EQ(proof().outcomes.size(), 1502U);
}

// --- ends ---

TEST_F(WriterTest, StoppingGivesUpAtAFullDisk) {
  open();
  destroy("one");
  disk->set_room(10);
  EXPECT_FALSE(may("two"));
  writer->stop(Duration::zero());
  EXPECT_NE(log.wait_for("audit left unfinished").find("records="), std::string::npos);
  EXPECT_EQ(ask("three"), AuditAnswer::Refused);
}

TEST_F(WriterTest, StoppingGivesUpAtAPipeThatNobodyReads) {
  disk->put_pipe(kPath);
  open();
  destroy("one");
  disk->set_pipe_blocked(true);
  ASSERT_EQ(ask("two"), AuditAnswer::Waiting);
  writer->stop(Duration::zero());
  log.wait_for("nobody reads it");
  inbox.run_until([&] { return told.answers.count(hold) > 0; });
  EXPECT_FALSE(told.answers[hold]);
}

TEST_F(WriterTest, APipeHasNoStateAndItsChainBeginsAnew) {
  disk->put_pipe(kPath);
  open();
  destroy("one");
  stop();
  EXPECT_EQ(disk->list(kPath).size(), 1U);
  EXPECT_EQ(proof().text(), "");
  EXPECT_EQ(proof().records, 5U);
  EXPECT_EQ(disk->syncs(), 0U);
}

TEST_F(WriterTest, StoppingLeavesACallThatDoesNotEndAlone) {
  open();
  destroy("one");
  disk->hang(true);
  ASSERT_EQ(ask("two"), AuditAnswer::Waiting);
  writer->stop(Duration::zero());
  EXPECT_NE(log.wait_for("audit left unfinished").find("does not end"), std::string::npos);
  writer.reset();  // nothing was posted: it hangs
  disk->hang(false);
  // The thread ends by itself, and tells nobody: inbox and log may be gone by then.
  while (disk.use_count() > 1) std::this_thread::yield();
  inbox.run_all();
  EXPECT_EQ(told.answers.count(hold), 0U);
}

TEST_F(WriterTest, WhatIsInTheRingsAtTheEndIsWritten) {
  open();
  for (int i = 0; i < 4000; ++i) trail->write(command("last", false), AuditRoom::Ordinary);
  stop();
  EXPECT_EQ(proof().text(), "");
  EXPECT_EQ(proof().outcomes.size(), 4000U);
}

// --- what is asked of it meanwhile ---

TEST_F(WriterTest, ManyThreadsAtOnce) {
  constexpr int kThreads = 4, kEach = 3000;
  auto opened = Writer::open(options_for(settings, disk, &log));
  ASSERT_TRUE(opened);
  writer = std::move(*opened);
  std::vector<Inbox> inboxes(kThreads);
  std::vector<AuditTrail*> trails;
  for (Inbox& one : inboxes) trails.push_back(&writer->add_producer(one.post()));
  writer->start();
  std::vector<std::thread> threads;
  std::atomic<int> granted{0};
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      Told mine;
      const auto at = static_cast<std::size_t>(i);
      AuditTrail& to = *trails[at];
      for (std::uint64_t n = 0; n < kEach; ++n) {
        to.write(command("ordinary", false), AuditRoom::Ordinary);
        if (n % 50 != 0) continue;
        if (to.write_ahead(mine, n, command("ahead", true), true) == AuditAnswer::Waiting)
          inboxes[at].run_until([&] { return mine.answers.count(n) > 0; });
        granted += mine.answers[n] ? 1 : 0;
        to.write(command("ahead", false), AuditRoom::Reserved);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const WriterStatus before_end = writer->status();
  EXPECT_EQ(before_end.queue_capacity, kThreads * Ring::kSlots);
  stop();
  const Proof whole = proof();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(granted.load(), kThreads * kEach / 50);
  EXPECT_EQ(whole.intents.size(), static_cast<std::size_t>(granted.load()));
  EXPECT_EQ(whole.outcomes.count("ahead"), whole.intents.size());
  EXPECT_EQ(whole.outcomes.count("ordinary") + before_end.dropped_queue_full,
            static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(WriterTest, ItsStatusIsWhatHappened) {
  const auto now_seconds = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  const double begin = now_seconds();
  open();
  destroy("INBOX");
  writer->stop(std::chrono::seconds(60));
  const WriterStatus status = writer->status();
  EXPECT_EQ(status.sequence, 5U);
  EXPECT_GE(status.last_write_seconds, begin);
  EXPECT_LE(status.last_write_seconds, now_seconds());
  EXPECT_EQ(status.queue_length, 0U);
  std::uint64_t events = 0, syncs = 0;
  for (const std::uint64_t count : status.events) events += count;
  for (const std::uint64_t count : status.syncs) syncs += count;
  EXPECT_EQ(events, 5U);
  EXPECT_EQ(syncs, disk->syncs());
}

TEST_F(WriterTest, AnIntervalOnlyDelaysTheSync) {
  settings.durability = config::Durability::Interval;
  settings.flush_interval = std::chrono::milliseconds(1);
  open();
  EXPECT_EQ(ask("INBOX"), AuditAnswer::Granted);
  outcome("INBOX");
  while (disk->content(kPath).find("\"command\"") == std::string::npos || disk->unsynced(kPath) > 0)
    std::this_thread::yield();
  stop();
  EXPECT_EQ(proof().text(), "");
}

TEST_F(WriterTest, WithDurabilityNoneOnlyTheStateIsSyncedFor) {
  settings.durability = config::Durability::None;
  auto options = options_for(settings, disk, &log);
  options.intervals.state = std::chrono::hours(1);
  auto opened = Writer::open(std::move(options));
  ASSERT_TRUE(opened);
  writer = std::move(*opened);
  trail = &writer->add_producer(inbox.post());
  writer->start();
  EXPECT_EQ(ask("INBOX"), AuditAnswer::Granted);
  while (disk->content(kPath).find("command.intent") == std::string::npos) std::this_thread::yield();
  EXPECT_EQ(disk->syncs(), 1U);  // the start's
  EXPECT_GT(disk->unsynced(kPath), 0U);
  stop();
  EXPECT_EQ(disk->unsynced(kPath), 0U);
  EXPECT_EQ(proof().text(), "");
}

TEST_F(WriterTest, NamesAreRedactedFromAReloadOn) {
  open();
  destroy("Secret mailbox");
  settings.redact_mailbox = true;
  writer->configure(settings);
  destroy("barrier");  // by now it has been seen, or will be by the next
  destroy("Secret mailbox");
  stop();
  const std::string once = disk->content(kPath);
  const Proof whole = proof();
  const std::string name = *whole.outcomes.rbegin();
  EXPECT_TRUE(name.starts_with("hmac:")) << name;
  // The same name after a restart.
  open();
  destroy("Secret mailbox");
  stop();
  EXPECT_EQ(field(*proof().find("command"), "mailbox"), field(*whole.find("command"), "mailbox"));
}

TEST_F(WriterTest, AllowTakesEffectAtOnce) {
  open();
  disk->set_room(0);
  EXPECT_FALSE(may("one"));
  settings.on_failure = config::OnAuditFailure::Allow;
  writer->configure(settings);
  EXPECT_TRUE(writer->writable());
  EXPECT_EQ(ask("two"), AuditAnswer::Granted);
  disk->set_room(std::size_t{1} << 30);
  stop();
  EXPECT_EQ(proof().text(), "");
}

}  // namespace
}  // namespace postern::audit
