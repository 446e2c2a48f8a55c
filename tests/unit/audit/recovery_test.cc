// Where a trail goes on, for every way in which its end can look.
#include "audit/trail/recovery.h"

#include <gtest/gtest.h>

#include "audit/trail/line.h"
#include "audit/trail/line_reader.h"
#include "base/hex.h"
#include "unit/audit/support.h"

namespace postern::audit {
namespace {

class RecoveryTest : public WriterTest {
 protected:
  // Two whole days; the state is that of the evening of the first.
  void SetUp() override {
    with_key();
    open();
    destroy("one");
    stop();
    state_text = disk->content(kState);
    state_size = disk->content(kPath).size();
    open();
    destroy("two");
    stop();
    whole_size = disk->content(kPath).size();
  }
  State state() const {
    Result<State> out = decode_state(state_text, kState);
    EXPECT_TRUE(out);
    return std::move(*out);
  }
  Recovered find(FakeDisk& on) const {
    State known = state();
    Result<Recovered> out = recover(on, kPath, &known, settings.chain);
    EXPECT_TRUE(out) << out.error().detail;
    return std::move(*out);
  }
  // Ends of the records, as octets from the beginning.
  std::vector<std::size_t> ends() const {
    std::vector<std::size_t> out;
    const std::string all = disk->content(kPath);
    for (std::size_t at = all.find('\n'); at != std::string::npos; at = all.find('\n', at + 1))
      out.push_back(at + 1);
    return out;
  }

  const std::string kState = std::string(kPath) + ".state";
  std::string state_text;
  std::size_t state_size = 0;
  std::size_t whole_size = 0;
};

TEST_F(RecoveryTest, AWholeTailIsTakenUp) {
  const Recovered found = find(*disk);
  EXPECT_TRUE(found.findings.empty());
  EXPECT_FALSE(found.needs_newline);
  EXPECT_EQ(found.chain.head().sequence, 10U);
  EXPECT_EQ(found.chain.head().epoch, 3U);
}

TEST_F(RecoveryTest, ATailTornAtAnyOctet) {
  const std::vector<std::size_t> record_ends = ends();
  for (std::size_t size = state_size; size <= whole_size; ++size) {
    const auto cut = disk->copy();
    cut->cut(kPath, size);
    const Recovered found = find(*cut);
    // A record that lacks only its line end is one.
    std::size_t records = 0, good = 0;
    for (const std::size_t end : record_ends)
      if (end <= size + 1) {
        ++records;
        good = std::min(end, size);
      }
    ASSERT_EQ(found.chain.head().sequence, records) << size;
    ASSERT_EQ(found.findings.size(), good < size ? 1U : 0U) << size;
    ASSERT_EQ(found.needs_newline,
              std::find(record_ends.begin(), record_ends.end(), size) == record_ends.end());
    if (good == size) continue;
    const TrailRecovered& torn = found.findings[0];
    ASSERT_EQ(torn.kind, "torn");
    ASSERT_EQ(torn.file, "trail");
    ASSERT_EQ(torn.offset, good);
    ASSERT_EQ(torn.torn_bytes, size - good);
    ASSERT_EQ(torn.torn_sha256, hex(tls::octets_of(tls::sha256({cut->content(kPath).substr(good)}))));
  }
}

TEST_F(RecoveryTest, BlocksOfZerosAreTorn) {
  for (std::size_t from = state_size; from < whole_size; from += 97) {
    std::string content = disk->content(kPath);
    std::fill(content.begin() + static_cast<std::ptrdiff_t>(from), content.end(), '\0');
    const auto holed = disk->copy();
    holed->cut(kPath, from);
    holed->add(kPath, Octets(content).substr(from));
    const Recovered found = find(*holed);
    ASSERT_EQ(found.findings.size(), 1U) << from;
    ASSERT_EQ(found.findings[0].kind, "torn");
    ASSERT_EQ(found.findings[0].offset + found.findings[0].torn_bytes, whole_size);
    ASSERT_TRUE(found.needs_newline);
  }
}

// Whatever is changed in a record that is whole, its hash does not fit.
TEST_F(RecoveryTest, AChangedRecordIsNoCrash) {
  std::size_t changed = 0;
  for (std::size_t at = state_size; at < whole_size; ++at) {
    const auto flipped = disk->copy();
    flipped->flip(kPath, at);
    const Recovered found = find(*flipped);
    ASSERT_GE(found.findings.size(), 1U) << at;
    ASSERT_LT(found.chain.head().sequence, 10U) << at;
    changed += found.findings[0].kind == "changed" ? 1 : 0;
  }
  // Only where the form itself is broken does it look like a crash; `verify` knows better.
  EXPECT_GT(changed, (whole_size - state_size) * 8 / 10);
}

TEST_F(RecoveryTest, AFileThatWasCutLacksRecords) {
  const std::vector<std::size_t> record_ends = ends();
  const auto cut = disk->copy();
  cut->cut(kPath, record_ends[2] + 10);
  const Recovered found = find(*cut);
  ASSERT_EQ(found.findings.size(), 1U);
  EXPECT_EQ(found.findings[0].kind, "missing");
  EXPECT_EQ(found.findings[0].missing, 2U);
  EXPECT_EQ(found.findings[0].offset, record_ends[2]);
  EXPECT_EQ(found.findings[0].torn_bytes, 10U);
  EXPECT_EQ(found.chain.head().sequence, 5U);  // what the state knows is not taken back
  EXPECT_TRUE(found.needs_newline);
}

TEST_F(RecoveryTest, ARestoredFileIsFoundItsPlaceIn) {
  const auto restored = disk->copy();
  restored->put(kPath, disk->content(kPath));  // another inode
  const Recovered found = find(*restored);
  EXPECT_TRUE(found.findings.empty());
  EXPECT_EQ(found.chain.head().sequence, 10U);
}

TEST_F(RecoveryTest, AChangeBeforeTheStatesPlaceIsSeen) {
  const auto changed = disk->copy();
  const std::vector<std::size_t> record_ends = ends();
  changed->flip(kPath, record_ends[4] - 70);  // in the hash of the state's last record
  const Recovered found = find(*changed);
  ASSERT_EQ(found.findings.size(), 1U);
  EXPECT_EQ(found.findings[0].kind, "changed");
  EXPECT_EQ(found.chain.head().sequence, 10U);
}

TEST_F(RecoveryTest, AFileThatIsGoneIsNoTail) {
  const auto gone = disk->copy();
  ASSERT_TRUE(gone->remove(kPath));
  EXPECT_TRUE(find(*gone).file_gone);
  gone->put(kPath, "");
  const Recovered found = find(*gone);
  EXPECT_TRUE(found.file_gone);
  EXPECT_TRUE(found.findings.empty());
  EXPECT_EQ(found.chain.head().sequence, 5U);
}

TEST_F(RecoveryTest, AFileMovedAwayIsReadUnderItsNewName) {
  const auto moved = disk->copy();
  ASSERT_TRUE(moved->rename(kPath, std::string(kPath) + ".1"));
  moved->put(kPath, "");
  const Recovered found = find(*moved);
  EXPECT_FALSE(found.file_gone);
  EXPECT_EQ(found.follows, "trail.1");
  EXPECT_EQ(found.chain.head().sequence, 10U);
}

TEST_F(RecoveryTest, SomethingPutInBetweenIsSeen) {
  const std::vector<std::size_t> record_ends = ends();
  std::string content = disk->content(kPath);
  content.insert(record_ends[6], "something else\n");
  const auto changed = disk->copy();
  changed->cut(kPath, 0);
  changed->add(kPath, content);
  const Recovered found = find(*changed);
  ASSERT_EQ(found.findings.size(), 1U);
  EXPECT_EQ(found.findings[0].kind, "changed");
  EXPECT_EQ(found.findings[0].offset, record_ends[6]);
  EXPECT_EQ(found.findings[0].torn_bytes, 15U);
  EXPECT_EQ(found.chain.head().sequence, 10U);
}

TEST(LineReader, TakesWhateverAFileHolds) {
  const auto disk = std::make_shared<FakeDisk>();
  const std::string huge(3 * kLineBytes, 'x');
  disk->put("file", "one\n\n" + huge + "\nlast");
  LineReader reader(*disk, "file", 0);
  std::string all;
  std::vector<std::size_t> sizes;
  for (;;) {
    auto piece = reader.next();
    ASSERT_TRUE(piece);
    if (!*piece) break;
    EXPECT_EQ((*piece)->offset, all.size());
    all += (*piece)->line;
    if ((*piece)->whole) all += '\n';
    sizes.push_back((*piece)->line.size());
  }
  EXPECT_EQ(all, disk->content("file"));
  EXPECT_EQ(sizes[0], 3U);
  EXPECT_EQ(sizes[1], 0U);
  EXPECT_EQ(reader.offset(), all.size());
  EXPECT_FALSE(LineReader(*disk, "none", 0).next());
}

TEST(Line, OnlyWhatIsWholeIsARecord) {
  const std::string zeros(64, '0');
  const std::string content = R"({"ts":"2026-01-01T00:00:00.000000Z","seq":42,"event":"audit.stop","v":1)";
  const std::string line = content + R"(,"prev":")" + zeros + R"(","hash":")" + std::string(64, 'a') + "\"}";
  const std::optional<Line> whole = read_line(line, true);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->sequence, 42U);
  EXPECT_EQ(whole->event, "audit.stop");
  EXPECT_EQ(whole->content, content + R"(,"prev":")" + zeros + "\"");
  EXPECT_EQ(whole->hash[0], 0xAA);
  EXPECT_EQ(whole->previous[0], 0);
  for (std::size_t size = 0; size < line.size(); ++size)
    EXPECT_FALSE(read_line(line.substr(0, size), true)) << size;
  std::string controls = line;
  controls[20] = '\0';
  EXPECT_FALSE(read_line(controls, true));
  std::string capitals = line;
  capitals.replace(capitals.size() - 3, 1, "A");
  EXPECT_FALSE(read_line(capitals, true));
  EXPECT_FALSE(read_line(content + "}", true));
  EXPECT_TRUE(read_line(content + "}", false));
}

}  // namespace
}  // namespace postern::audit
