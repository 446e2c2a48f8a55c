// What the tests of the writer share: a thread's mailbox that the test empties itself, a log that can be
// waited for, records, and a proof of its own that a trail is whole.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/trail/chain.h"
#include "audit/writer/writer.h"
#include "base/log_sink.h"
#include "unit/audit/fake_disk.h"
#include "unit/audit/waiting.h"

namespace postern::audit {

inline constexpr const char* kPath = "/var/log/trail";

// `mailbox` names it in the file.
std::unique_ptr<Record> command(const std::string& mailbox, bool intent);

// A trail as it stands on a disk, read by nobody's code but the chain's own.
struct Proof {
  std::vector<std::string> wrong;       // empty: it is whole
  std::vector<std::string> events;      // of all records
  std::multiset<std::string> intents;   // mailboxes of command.intent
  std::multiset<std::string> outcomes;  // … and of command
  std::vector<std::string> lines;       // of all records
  std::uint64_t records = 0;
  std::size_t torn_bytes = 0;  // octets that an audit.recovered accounts for

  std::size_t count(const std::string& event) const;
  const std::string* find(const std::string& event) const;  // the last one's line
  std::string text() const;                                 // of what is wrong
};
// Over FILE.<sequence>… and FILE. `first_key`: key(1), as keygen leaves it; null: unkeyed.
Proof prove(Disk& disk, const std::string& path, const Secret* first_key, bool chained = true);
// Value of a field of a line, as it is written there; without quotes.
std::string field(const std::string& line, const std::string& name);

config::Audit settings_for(const std::string& path);
Writer::Options options_for(config::Audit settings, std::shared_ptr<Disk> disk, LogSink* log);
Secret verifiers_key();       // key(0) of the tests' trails
Secret test_key();            // key(1)
std::string test_key_text();  // … as 64 digits

// A writer over a disk in memory, and one thread's way to it.
class WriterTest : public ::testing::Test {
 protected:
  ~WriterTest() override { end(); }

  void open() {
    auto opened = Writer::open(options_for(settings, disk, &log));
    ASSERT_TRUE(opened) << opened.error().detail;
    writer = std::move(*opened);
    trail = &writer->add_producer(inbox.post());
    writer->start();
  }
  // What open() fails with.
  std::string open_error() {
    auto opened = Writer::open(options_for(settings, disk, &log));
    return opened ? std::string() : opened.error().detail;
  }
  AuditAnswer ask(const std::string& mailbox) {
    return trail->write_ahead(told, ++hold, command(mailbox, true), true);
  }
  // The intent, and whether its command may go.
  bool may(const std::string& mailbox) {
    const AuditAnswer answer = ask(mailbox);
    if (answer != AuditAnswer::Waiting) return answer == AuditAnswer::Granted;
    const std::uint64_t mine = hold;
    inbox.run_until([&] { return told.answers.count(mine) > 0; });
    return told.answers[mine];
  }
  void outcome(const std::string& mailbox) { trail->write(command(mailbox, false), AuditRoom::Reserved); }
  void destroy(const std::string& mailbox) {
    ASSERT_TRUE(may(mailbox));
    outcome(mailbox);
  }
  void stop() {
    writer->stop(std::chrono::seconds(60));
    end();
    disk = disk->copy();  // nobody holds the lock any more
  }
  // What was posted is for the producer, which lives as long as the writer.
  void end() {
    inbox.run_all();
    writer.reset();
  }
  void with_key() {
    settings.chain_key_file = kKeyPath;
    if (!disk->identity(kKeyPath)) disk->put(kKeyPath, test_key_text() + "\n");
  }
  Proof proof() {
    const Secret key = test_key();
    return prove(*disk, kPath, settings.chain_key_file.empty() ? nullptr : &key, settings.chain);
  }

  static constexpr const char* kKeyPath = "/etc/chain.key";
  std::shared_ptr<FakeDisk> disk = std::make_shared<FakeDisk>();
  WaitedLog log;
  Inbox inbox;
  Told told;
  std::uint64_t hold = 0;
  config::Audit settings = settings_for(kPath);
  std::unique_ptr<Writer> writer;
  AuditTrail* trail = nullptr;
};

}  // namespace postern::audit
