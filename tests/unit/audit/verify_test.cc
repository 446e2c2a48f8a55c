// Each way to damage a trail, at each place, is found there and called by its name.
#include "audit/trail/verify.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/audit/every_record.h"
#include "unit/audit/sealed_trail.h"

namespace postern::audit {
namespace {

SealedTrail three_files(SealedTrail::Options options = {}) {
  SealedTrail trail(options);
  trail.write_three_files();
  return trail;
}

// What is found is this, at the place of this record.
::testing::AssertionResult finds(const VerifyReport& report, BadKind kind, const SealedTrail::Place& at) {
  if (!report.bad) return ::testing::AssertionFailure() << "nothing found";
  const BadRecord& bad = *report.bad;
  if (bad.kind == kind && bad.place.file == SealedTrail::path(at.file) && bad.place.line == at.line &&
      bad.place.offset == at.offset && bad.place.sequence == at.sequence)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << name_of(bad.kind) << " at " << bad.place.file << ":" << bad.place.line << " octet "
         << bad.place.offset << " record " << bad.place.sequence << " (" << bad.detail << "), not "
         << name_of(kind) << " at file " << at.file << ":" << at.line << " octet " << at.offset << " record "
         << at.sequence;
}

const SealedTrail::Place& place_of(const std::vector<SealedTrail::Place>& places, std::size_t file,
                                   std::size_t offset) {
  return *std::find_if(places.begin(), places.end(), [&](const SealedTrail::Place& place) {
    return place.file == file && offset < place.offset + place.size;
  });
}

class Verify : public ::testing::TestWithParam<SealedTrail::Options> {};

TEST_P(Verify, AWholeTrailIsGood) {
  const SealedTrail trail = three_files(GetParam());
  const State state = trail.state();
  VerifyOptions options;
  options.state = &state;
  const VerifyReport report = trail.report(options);
  EXPECT_FALSE(report.bad) << report.bad->detail;
  EXPECT_EQ(report.records, trail.places().size());
  EXPECT_EQ(report.first, 1u);
  EXPECT_EQ(report.last, trail.places().size());
  EXPECT_EQ(report.files.size(), 3u);
  EXPECT_EQ(report.files.front(), SealedTrail::path(0));
  EXPECT_TRUE(report.content_proven);
  EXPECT_EQ(report.keyed, GetParam().keyed);
  EXPECT_EQ(report.checkpoints, 4u);
  EXPECT_EQ(report.signed_checkpoints, GetParam().sign ? 4u : 0u);
  EXPECT_TRUE(report.ended_in_order);
  EXPECT_EQ(report.unfinished, 0u);
}

TEST_P(Verify, AFlippedBitIsFoundInEachOctet) {
  SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  const State state = trail.state();
  for (const bool with_state : {false, true}) {
    VerifyOptions options;
    if (with_state) options.state = &state;
    for (std::size_t file = 0; file < trail.files().size(); ++file) {
      // A signature takes long to prove; the chain below it is the same.
      const std::size_t step = GetParam().sign ? 11 : 1;
      for (std::size_t at = 0; at < trail.files()[file].size(); at += step) {
        char& octet = trail.files()[file][at];
        const char kept = octet;
        octet = static_cast<char>(octet ^ (1 << (at % 8)));
        EXPECT_TRUE(finds(trail.report(options), BadKind::Changed, place_of(places, file, at)))
            << "octet " << at << " of file " << file << ", bit " << at % 8;
        octet = kept;
      }
    }
  }
}

TEST_P(Verify, ARemovedLineIsMissing) {
  SealedTrail trail = three_files(GetParam());
  const State state = trail.state();
  VerifyOptions options;
  options.state = &state;
  for (const SealedTrail::Place& place : trail.places()) {
    std::string& file = trail.files()[place.file];
    const std::string kept = file;
    file.erase(place.offset, place.size);
    const VerifyReport report = trail.report(options);
    if (place.offset < file.size()) {
      EXPECT_TRUE(finds(report, BadKind::Missing, place));
    } else {  // the last of its file
      ASSERT_TRUE(report.bad);
      EXPECT_EQ(report.bad->kind, BadKind::CutOff);
      EXPECT_EQ(report.bad->place.sequence, place.sequence);
      EXPECT_EQ(report.bad->place.file, SealedTrail::path(place.file));
    }
    EXPECT_EQ(report.bad->missing, 1u);
    file = kept;
  }
}

TEST_P(Verify, TwoSwappedLinesAreReordered) {
  SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    if (places[i].file != places[i + 1].file) continue;
    std::string& file = trail.files()[places[i].file];
    const std::string kept = file;
    file = kept.substr(0, places[i].offset) + kept.substr(places[i + 1].offset, places[i + 1].size) +
           kept.substr(places[i].offset, places[i].size) +
           kept.substr(places[i + 1].offset + places[i + 1].size);
    EXPECT_TRUE(finds(trail.report(), BadKind::Reordered, places[i])) << i;
    file = kept;
  }
}

TEST_P(Verify, ALineThatStandsThereTwiceIsReordered) {
  SealedTrail trail = three_files(GetParam());
  SealedTrail::Place second = trail.places()[2];
  std::string& file = trail.files()[0];
  file.insert(second.offset, file.substr(second.offset, second.size));
  second.line += 1;
  second.offset += second.size;
  EXPECT_TRUE(finds(trail.report(), BadKind::Reordered, second));
}

TEST_P(Verify, ACutTailIsCutOffWhereTheStateKnowsMore) {
  SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  const State state = trail.state();
  VerifyOptions options;
  options.state = &state;
  std::string& file = trail.files()[2];
  const std::string kept = file;
  for (std::size_t size = 1; size < kept.size(); size += GetParam().sign ? 11 : 1) {
    file.resize(size);
    const SealedTrail::Place& first_lost = place_of(places, 2, size);
    const VerifyReport report = trail.report(options);
    ASSERT_TRUE(report.bad) << size;
    EXPECT_EQ(report.bad->kind, BadKind::CutOff) << size;
    EXPECT_EQ(report.bad->place.sequence, first_lost.sequence) << size;
    EXPECT_EQ(report.bad->missing, places.back().sequence - first_lost.sequence + 1) << size;
    if (size > first_lost.offset) {
      EXPECT_TRUE(finds(report, BadKind::CutOff, first_lost)) << size;
    }
    file = kept;
  }
}

TEST_P(Verify, ACutTailIsTornWhereNobodyKnowsMore) {
  SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  std::string& file = trail.files()[2];
  const std::string kept = file;
  for (std::size_t size = 1; size < kept.size(); size += GetParam().sign ? 11 : 1) {
    file.resize(size);
    const SealedTrail::Place& torn = place_of(places, 2, size);
    const VerifyReport report = trail.report();
    if (size > torn.offset) {
      EXPECT_TRUE(finds(report, BadKind::TornTail, torn)) << size;
    } else {  // at the end of a record: the links cannot tell
      EXPECT_FALSE(report.bad) << size;
      EXPECT_EQ(report.last, torn.sequence - 1);
      EXPECT_FALSE(report.ended_in_order);
    }
    file = kept;
  }
}

TEST_P(Verify, AFileThatIsCutInTheMiddleOfTheTrailIsCutOff) {
  SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  std::string& file = trail.files()[1];
  const std::string kept = file;
  const std::uint64_t next = place_of(places, 2, 0).sequence;
  for (std::size_t size = 1; size < kept.size(); size += GetParam().sign ? 11 : 1) {
    file.resize(size);
    const SealedTrail::Place& lost = place_of(places, 1, size);
    const VerifyReport report = trail.report();
    ASSERT_TRUE(report.bad) << size;
    if (lost.offset == 0) {  // nothing in it says where it belongs
      EXPECT_EQ(report.bad->kind, BadKind::Missing) << size;
      EXPECT_EQ(report.bad->missing_file, "audit.log.2");
      file = kept;
      continue;
    }
    EXPECT_EQ(report.bad->kind, BadKind::CutOff) << size;
    EXPECT_EQ(report.bad->place.sequence, lost.sequence) << size;
    EXPECT_EQ(report.bad->place.file, SealedTrail::path(1)) << size;
    EXPECT_EQ(report.bad->missing, next - lost.sequence) << size;
    file = kept;
  }
}

TEST_P(Verify, AWholeFileThatIsMissingIsNamed) {
  const SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  const State state = trail.state();
  for (const bool with_state : {false, true}) {
    VerifyOptions options;
    if (with_state) options.state = &state;
    VerifyReport report = trail.report(options, 0);
    SealedTrail::Place place = place_of(places, 1, 0);
    const std::uint64_t second = std::exchange(place.sequence, 1);
    EXPECT_TRUE(finds(report, BadKind::Missing, place));
    EXPECT_EQ(report.bad->missing, second - 1);
    EXPECT_EQ(report.bad->missing_file, "audit.log.1");
    report = trail.report(options, 1);
    place = place_of(places, 2, 0);
    const std::uint64_t third = std::exchange(place.sequence, second);
    EXPECT_TRUE(finds(report, BadKind::Missing, place));
    EXPECT_EQ(report.bad->missing, third - second);
    EXPECT_EQ(report.bad->missing_file, "audit.log.2");
    report = trail.report(options, 2);
    ASSERT_TRUE(report.bad);
    EXPECT_EQ(report.bad->kind, BadKind::Missing);
    EXPECT_EQ(report.bad->place.sequence, third);
    EXPECT_EQ(report.bad->missing_file, "audit.log");
    EXPECT_EQ(report.bad->missing, with_state ? places.size() - third + 1 : 0);
  }
}

TEST_P(Verify, ATornPieceIsAcceptedIfTheTrailNamesIt) {
  for (const std::string& torn : {std::string("{\"ts\":\"2026"), std::string(5000, '\0'),
                                  std::string("x\ny\n"), std::string("x\nwithout end")}) {
    for (const std::string& after : {std::string(), std::string("\n")}) {
      if (after.empty() && !torn.ends_with('\n')) continue;
      SealedTrail trail(GetParam());
      trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
      trail.add_command();
      const std::uint64_t offset = trail.files()[0].size();
      trail.add_raw(torn + after);
      trail.add_recovered(0, offset, torn);
      trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
      const VerifyReport report = trail.report();
      EXPECT_FALSE(report.bad) << report.bad->detail;
      EXPECT_EQ(report.torn_places, 1u);
      EXPECT_EQ(report.torn_bytes, torn.size());
      // Any other octets in its place are not what was named.
      trail.files()[0][offset] ^= 1;
      EXPECT_TRUE(trail.report().bad);
      trail.files()[0][offset] ^= 1;
      trail.files()[0].insert(offset, "z");
      EXPECT_TRUE(trail.report().bad);
    }
  }
}

TEST_P(Verify, ATornPieceAtTheEndOfAnEarlierFileIsAcceptedToo) {
  SealedTrail trail(GetParam());
  trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
  const std::uint64_t offset = trail.files()[0].size();
  trail.add_raw("torn");
  trail.files().emplace_back();
  trail.add_command();
  trail.add(TrailRotate{"", "audit.log.1", 1});
  trail.add_recovered(0, offset, "torn");
  EXPECT_FALSE(trail.report().bad);
  EXPECT_EQ(trail.report().torn_places, 1u);
}

TEST_P(Verify, OctetsThatNobodyNamesAreFound) {
  SealedTrail trail(GetParam());
  trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
  const std::uint64_t offset = trail.files()[0].size();
  trail.add_raw("junk\n");
  trail.add_command();
  EXPECT_TRUE(finds(trail.report(), BadKind::Changed, {0, 2, offset, 2, 0}));
}

TEST_P(Verify, WhatIsChangedIsNotExcusedByTheTrailSayingSo) {
  SealedTrail trail(GetParam());
  trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
  const std::uint64_t offset = trail.files()[0].size();
  const std::string forged = trail.files()[0];  // a whole record that stands there twice
  trail.add_raw(forged);
  trail.add_recovered(0, offset, forged, "changed");
  EXPECT_TRUE(trail.report().bad);
}

TEST_P(Verify, BeginsWhereItIsAskedTo) {
  const SealedTrail trail = three_files(GetParam());
  const std::vector<SealedTrail::Place> places = trail.places();
  for (const SealedTrail::Place& place : places) {
    VerifyOptions options;
    options.from = place.sequence;
    const VerifyReport report = trail.report(options);
    ASSERT_FALSE(report.bad) << place.sequence << ": " << report.bad->detail;
    EXPECT_EQ(report.first, place.sequence);
    EXPECT_EQ(report.records, places.size() - place.sequence + 1);
  }
  VerifyOptions options;
  options.from = place_of(places, 1, 0).sequence;
  EXPECT_FALSE(trail.report(options, 0).bad);
  options.from -= 2;
  const VerifyReport report = trail.report(options, 0);
  ASSERT_TRUE(report.bad);
  EXPECT_EQ(report.bad->kind, BadKind::Missing);
  EXPECT_EQ(report.bad->missing, 2u);
  options.from = places.size() + 1;
  EXPECT_FALSE(trail.verify(options));
}

TEST_P(Verify, CommandsWithoutOutcomeAreCounted) {
  SealedTrail trail(GetParam());
  trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
  trail.add_command();
  trail.add_command(false);
  EXPECT_EQ(trail.report().under_way, 1u);
  EXPECT_EQ(trail.report().unfinished, 0u);
  trail.add(TrailStart{"0.1.0", 1, GetParam().keyed});
  trail.add(TrailGap{"queue_full", 12, ""});
  const VerifyReport report = trail.report();
  EXPECT_FALSE(report.bad);
  EXPECT_EQ(report.under_way, 0u);
  EXPECT_EQ(report.unfinished, 1u);
  EXPECT_EQ(report.starts, 2u);
  EXPECT_EQ(report.unfinished_ids, std::vector<std::string>{"ABCDEFGHIJKLMNOP.3"});
  ASSERT_EQ(report.words.size(), 1u);
  EXPECT_EQ(report.words[0].text, "audit.gap: queue_full, 12 lost");
}

TEST_P(Verify, AStateOfAnotherTrailIsTold) {
  const SealedTrail trail = three_files(GetParam());
  State state = trail.state();
  state.head.hash[5] ^= 1;
  VerifyOptions options;
  options.state = &state;
  EXPECT_TRUE(finds(trail.report(options), BadKind::Changed, trail.places().back()));
}

INSTANTIATE_TEST_SUITE_P(Chains, Verify,
                         ::testing::Values(SealedTrail::Options{}, SealedTrail::Options{true, true, false},
                                           SealedTrail::Options{true, false, true}),
                         [](const auto& chain) {
                           return chain.param.keyed ? "Keyed" : chain.param.sign ? "Signed" : "Plain";
                         });

TEST(VerifyKeys, WithoutTheKeyOnlyTheLinksAreProven) {
  SealedTrail trail = three_files({true, true, false});
  FakeDisk disk;
  disk.put("/a", trail.files()[0] + trail.files()[1] + trail.files()[2]);
  VerifyReport report = *verify(disk, {"/a"}, {});
  EXPECT_FALSE(report.bad);
  EXPECT_TRUE(report.keyed);
  EXPECT_FALSE(report.content_proven);
  const Secret wrong("another key of thirty-two octets");
  VerifyOptions options;
  options.key = &wrong;
  report = *verify(disk, {"/a"}, options);
  ASSERT_TRUE(report.bad);
  EXPECT_EQ(report.bad->kind, BadKind::Changed);
  EXPECT_EQ(report.records, 0u);
}

TEST(VerifyKeys, ATrailMadeAnewWithoutTheKeyIsFound) {
  SealedTrail forged = three_files({true, false, false});
  VerifyOptions options;
  options.key = &forged.key();
  EXPECT_TRUE(finds(forged.report(options), BadKind::Changed, forged.places().front()));
}

TEST(VerifyKeys, CheckpointsAreSignedByTheKeyThatIsGiven) {
  const SealedTrail trail = three_files({true, false, true});
  VerifyOptions options;
  options.checkpoint_key = &trail.public_key();
  VerifyReport report = trail.report(options);
  EXPECT_FALSE(report.bad);
  EXPECT_EQ(report.signed_checkpoints, 4u);
  EXPECT_EQ(report.signed_up_to, trail.places().size() - 1);
  const auto other = tls::SigningKey::generate().public_key();
  options.checkpoint_key = &other;
  report = trail.report(options);
  ASSERT_TRUE(report.bad);
  EXPECT_EQ(report.bad->place.sequence, 4u);
  const SealedTrail unsigned_trail = three_files();
  EXPECT_TRUE(unsigned_trail.report(options).bad);
}

// Whoever makes an unkeyed trail anew cannot sign it.
TEST(VerifyKeys, AForgedEndBehindASignedCheckpointIsFound) {
  SealedTrail trail = three_files({true, false, true});
  VerifyOptions options;
  options.checkpoint_key = &trail.public_key();
  SealedTrail other = three_files({true, false, true});
  EXPECT_TRUE(other.report(options).bad);
}

TEST(VerifyFiles, TwoThatBeginAlikeAreNoTrail) {
  SealedTrail trail = three_files();
  FakeDisk disk;
  disk.put("/a", trail.files()[0]);
  disk.put("/b", trail.files()[0]);
  const Result<VerifyReport> report = verify(disk, {"/a", "/b"}, {});
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().detail.find("/a"), std::string::npos);
  EXPECT_NE(report.error().detail.find("/b"), std::string::npos);
}

TEST(VerifyFiles, WhatCannotBeReadIsSaid) {
  FakeDisk disk;
  EXPECT_FALSE(verify(disk, {"/absent"}, {}));
  disk.put("/empty", "");
  EXPECT_FALSE(verify(disk, {"/empty"}, {}));
  disk.put("/zipped", "\x1f\x8b\x08rest");
  const Result<VerifyReport> report = verify(disk, {"/zipped"}, {});
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().detail.find("compressed"), std::string::npos);
}

TEST(VerifyFiles, StateAndLockMayStandAmongThem) {
  SealedTrail trail = three_files();
  FakeDisk disk;
  disk.put("/a", trail.files()[0] + trail.files()[1] + trail.files()[2]);
  disk.put("/a.state", "version 1\n");
  disk.put("/a.lock", "x");
  const Result<VerifyReport> report = verify(disk, {"/a", "/a.lock", "/a.state"}, {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->bad);
}

// A pipe has no state.
TEST(VerifyFiles, ATrailMayBeginAnewOnlyBehindAnEndInOrder) {
  SealedTrail trail = three_files();
  const std::string once = trail.files()[0] + trail.files()[1] + trail.files()[2];
  FakeDisk disk;
  disk.put("/whole", once + once);
  const Result<VerifyReport> report = verify(disk, {"/whole"}, {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->bad);
  EXPECT_EQ(report->records, 2 * trail.places().size());
  disk.put("/cut", once.substr(0, once.rfind('\n', once.size() - 2) + 1) + once);
  ASSERT_TRUE(verify(disk, {"/cut"}, {}));
}

TEST(VerifyFiles, WithoutAChainOnlyTheNumbersAreLookedAt) {
  SealedTrail trail({false, false, false});
  for (int i = 0; i < 4; ++i) trail.add_command();
  EXPECT_FALSE(trail.report().bad);
  EXPECT_FALSE(trail.report().chained);
  EXPECT_FALSE(trail.report().content_proven);
  const SealedTrail::Place third = trail.places()[2];
  trail.files()[0].erase(third.offset, third.size);
  EXPECT_TRUE(finds(trail.report(), BadKind::Missing, third));
}

}  // namespace
}  // namespace postern::audit
