// What stands in a line. tests/unit/audit/every_record.jsonl is what the encoder makes of one record of each
// kind; tests/lint/audit_schema_test.py holds it against config/audit.schema.json. After a change of the
// form:
//   POSTERN_UPDATE_AUDIT_LINES=1 ctest --test-dir build/dev -R AuditJson
#include "audit/trail/json.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "audit/trail/redaction.h"
#include "unit/audit/every_record.h"

namespace postern::audit {
namespace {

using nlohmann::json;

constexpr const char* kFile = "tests/unit/audit/every_record.jsonl";
constexpr std::size_t kSealBytes = 200;  // prev and hash

Record with_mailbox(std::string mailbox) {
  Command command;
  command.name = "SELECT";
  command.mailbox = std::move(mailbox);
  Record record;
  record.unix_us = kRecordTime;
  record.connection = make_connection();
  record.number = 3;
  record.user = "fred";
  record.body = command;
  return record;
}

std::string mailbox_in_line(const std::string& mailbox) {
  const std::string line = line_of(with_mailbox(mailbox));
  const std::size_t at = line.find("\"mailbox\":\"") + 11;
  return line.substr(at, line.find("\",\"rewritten\"") - at);
}

bool is_printable(const std::string& line) {
  for (const char c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return false;
  return true;
}

TEST(AuditJson, TheCommittedLinesAreWhatTheEncoderMakes) {
  std::string lines;
  for (const Record& record : every_record()) lines += line_of(record) + "\n";
  const Redaction redaction(Secret("0123456789abcdef0123456789abcdef"), {true, true, true});
  for (const Record& record : every_record()) lines += line_of(record, &redaction) + "\n";
  for (const Record& record : every_record_of("\x1b[2J\xff\r\n\"")) lines += line_of(record) + "\n";
  for (const Record& record : every_record_of(std::string(9000, 'x'))) lines += line_of(record) + "\n";
  if (std::getenv("POSTERN_UPDATE_AUDIT_LINES") != nullptr) std::ofstream(kFile) << lines;
  std::ifstream in(kFile, std::ios::binary);
  const std::string committed{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(committed == lines) << kFile << " is out of date: see the top of this file";
}

TEST(AuditJson, EveryEventIsThereAndNamed) {
  std::set<std::string> seen;
  for (const Record& record : every_record()) {
    const json line = json::parse(line_of(record));
    EXPECT_EQ(line["event"], event_name(record));
    EXPECT_EQ(event_name(event_index(record)), event_name(record));
    seen.insert(line["event"]);
  }
  EXPECT_EQ(seen.size(), kEvents);
}

TEST(AuditJson, ARecordBeginsWithWhatAllHave) {
  EXPECT_EQ(
      line_of(with_mailbox("INBOX")),
      R"({"ts":"2026-11-21T08:01:03.000042Z","seq":9,"event":"command","v":1,"id":"ABCDEFGHIJKLMNOP.3",)"
      R"("session":"ABCDEFGHIJKLMNOP","conn":{"listener":"imaps","client_ip":"192.0.2.7",)"
      R"("client_port":50123,"local_ip":"2001:db8::1","local_port":993,"proxied":false},)"
      R"("node":"gateway.example.org","user":"fred","outcome":"success","seq_in_session":0,)"
      R"("name":"SELECT","uid":false,"class":[],"mailbox":"INBOX","rewritten":false,"result":null,)"
      R"("bytes_out":null,"duration_ms":0.000})");
}

TEST(AuditJson, UnknownCountsAreNullAndNeverNought) {
  Command command;
  command.name = "EXPUNGE";
  command.result = CommandResult::Lost;
  Record record = with_mailbox("");
  record.body = command;
  EXPECT_FALSE(json::parse(line_of(record)).contains("expunged_seen"));
  command.removes = true;
  record.body = command;
  json line = json::parse(line_of(record));
  EXPECT_TRUE(line["expunged_seen"].is_null());
  EXPECT_TRUE(line["expected"].is_null());
  command.removed = 0;
  command.expected = 3;
  record.body = command;
  line = json::parse(line_of(record));
  EXPECT_EQ(line["expunged_seen"], 0);
  EXPECT_EQ(line["expected"], 3);
}

TEST(AuditJson, AnIntentSaysNothingOfAnOutcome) {
  Command command;
  command.intent = true;
  command.name = "EXPUNGE";
  command.removes = true;
  Record record = with_mailbox("");
  record.body = command;
  const json line = json::parse(line_of(record));
  for (const char* const key : {"result", "code", "expunged_seen", "expected", "bytes_out", "duration_ms"})
    EXPECT_FALSE(line.contains(key)) << key;
}

TEST(AuditJson, WhatIsNotKnownIsNotWritten) {
  Record record = with_mailbox("");
  record.user.clear();
  const std::string line = line_of(record);
  EXPECT_EQ(line.find("\"user\""), std::string::npos);
  EXPECT_EQ(line.find("\"mailbox\""), std::string::npos);
  EXPECT_EQ(line.find("\"reason\""), std::string::npos);
}

TEST(AuditJson, OctetsThatAreNoUtf8AreMadeVisible) {
  EXPECT_EQ(mailbox_in_line("a\xff z"), R"(a\\xff z)");
  EXPECT_EQ(mailbox_in_line("\xc3"), R"(\\xc3)");
  EXPECT_EQ(mailbox_in_line("\xed\xa0\x80"), R"(\\xed\\xa0\\x80)");  // a surrogate
  EXPECT_EQ(mailbox_in_line("gr\xc3\xbcn"), "gr\xc3\xbcn");
}

TEST(AuditJson, SuchOctetsCannotBeMistakenForTheirSpelling) {
  EXPECT_EQ(mailbox_in_line(R"(a\xff)"), R"(a\\x5cxff)");
  EXPECT_EQ(mailbox_in_line(R"(a\y)"), R"(a\\y)");
  EXPECT_NE(mailbox_in_line(R"(\xff)"), mailbox_in_line("\xff"));
}

TEST(AuditJson, LineEndsQuotesAndControlsAreEscaped) {
  EXPECT_EQ(mailbox_in_line("a\r\n{\"event\":\"audit.stop\"}"), R"(a\r\n{\"event\":\"audit.stop\"})");
  EXPECT_EQ(mailbox_in_line("\x1b[2J\x7f\b"), R"(\u001b[2J\u007f\u0008)");
  EXPECT_EQ(mailbox_in_line("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xc2\x85"), R"(\u2028\u2029\u202e\u0085)");
  EXPECT_EQ(mailbox_in_line(std::string("a\0b", 3)), R"(a\u0000b)");
}

TEST(AuditJson, WhateverStandsInARecordItIsOneBoundedLineOfJson) {
  for (const std::string& piece :
       {std::string("\r\n"), std::string("\x1b"), std::string("\""), std::string("\\"), std::string("\xff"),
        std::string("\xe2\x80\xa8"), std::string("\xc3\xbc"), std::string("\xc3\xbcx"), std::string("x"),
        std::string(1, '\0'), std::string("\\x")}) {
    for (const std::size_t size : {1UL, 255UL, 256UL, 257UL, 4096UL, 8192UL, 100'000UL}) {
      std::string text;
      while (text.size() < size) text += piece;
      for (const Record& record : every_record_of(text)) {
        const std::string line = line_of(record);
        ASSERT_LE(line.size() + kSealBytes, kLineBytes);
        ASSERT_TRUE(is_printable(line));
        ASSERT_TRUE(json::accept(line)) << line;
      }
    }
  }
}

TEST(AuditJson, WhatIsCutSaysSo) {
  const std::string mailbox = mailbox_in_line(std::string(5000, 'm'));
  EXPECT_EQ(mailbox.size(), 4096u);
  EXPECT_TRUE(mailbox.ends_with("m..."));
  EXPECT_EQ(mailbox_in_line(std::string(4096, 'm')), std::string(4096, 'm'));
  // Between two characters, and never in an escape.
  for (std::size_t pad = 0; pad < 8; ++pad) {
    std::string text(4085 + pad, 'm');
    for (int i = 0; i < 10; ++i) text += "\xf0\x9f\x98\x80\x1b";
    const std::string line = line_of(with_mailbox(text));
    ASSERT_TRUE(json::accept(line));
    EXPECT_LE(mailbox_in_line(text).size(), 4096u);
  }
}

TEST(AuditJson, TimesAreUtcWithMicroseconds) {
  Record record = with_mailbox("");
  for (const auto& [us, text] : {std::pair<std::int64_t, const char*>{0, "1970-01-01T00:00:00.000000Z"},
                                 {951'782'399'999'999, "2000-02-28T23:59:59.999999Z"},
                                 {4'107'542'400'000'000, "2100-03-01T00:00:00.000000Z"}}) {
    record.unix_us = us;
    EXPECT_EQ(json::parse(line_of(record))["ts"], text);
  }
}

}  // namespace
}  // namespace postern::audit
