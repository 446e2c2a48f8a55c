// Random sessions under a virtual clock. A seed that fails is printed and reproduces the run anywhere:
// POSTERN_SIM_SEED=n runs that one alone, POSTERN_SIM_SEEDS=n that many.
#include <gtest/gtest.h>

#include <cstdlib>

#include "sim/world.h"

namespace postern::sim {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

struct Seeds {
  std::uint64_t first;
  std::uint64_t count;
};

Seeds seeds() {
  const std::uint64_t one = number_from("POSTERN_SIM_SEED", 0);
  if (one != 0) return {one, 1};
  return {1, number_from("POSTERN_SIM_SEEDS", 500)};
}

TEST(Simulation, WithoutFaultsTheResultDoesNotDependOnSegmentation) {
  const auto [first, count] = seeds();
  std::size_t finished = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World whole({seed, Segments::Whole, seed, false});
    whole.run();
    ASSERT_TRUE(whole.violations().empty()) << "seed " << seed << " whole: " << whole.violations().front();
    for (const Segments segments : {Segments::Octets, Segments::Random}) {
      World cut({seed, segments, seed, false});
      cut.run();
      ASSERT_TRUE(cut.violations().empty()) << "seed " << seed << " cut: " << cut.violations().front();
      ASSERT_EQ(whole.client().transcript(), cut.client().transcript())
          << "seed " << seed << ", whole: " << whole.why() << ", cut: " << cut.why();
      ASSERT_EQ(whole.upstream().received(), cut.upstream().received())
          << "seed " << seed << ", whole: " << whole.why() << ", cut: " << cut.why();
    }
    if (whole.client().finished()) ++finished;
  }
  // A simulation in which nobody gets to the end proves nothing.
  EXPECT_GT(finished * 10, count * 5);
}

TEST(Simulation, WhoeverIsSlowButInTimeIsServed) {
  const auto [first, count] = seeds();
  std::size_t finished = 0;
  std::size_t uploads = 0;
  std::size_t slow_bodies = 0;
  std::size_t bursts = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World world({seed, Segments::Random, seed * 3, false, true});
    world.run();
    ASSERT_TRUE(world.violations().empty()) << "seed " << seed << ": " << world.violations().front();
    uploads += world.upstream().accepted().size();
    slow_bodies += world.tally().slow_bodies;
    bursts += world.tally().bursts;
    if (world.client().finished()) ++finished;
  }
  EXPECT_GT(finished * 10, count * 5);
  // What this is about has come about: uploads that are accepted, that take long, and much at once behind
  // half a day of quiet.
  EXPECT_GE(uploads * 20, count);
  EXPECT_GE(slow_bodies * 2, count);
  EXPECT_GE(bursts * 20, count);
}

TEST(Simulation, WhoHasUploadedLearnsItAlsoWhereTheProcessEnds) {
  const auto [first, count] = seeds();
  std::size_t uploads = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World world({seed, Segments::Random, seed * 11, false, false, false, true});
    world.run();
    ASSERT_TRUE(world.violations().empty()) << "seed " << seed << ": " << world.violations().front();
    if (world.why() == "drain") uploads += world.upstream().accepted().size();
  }
  EXPECT_GE(uploads * 20, count);
}

TEST(Simulation, AReloadAtEveryStepIsForTheNextSession) {
  const auto [first, count] = seeds();
  std::size_t reloads = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World alone({seed, Segments::Random, seed * 5});
    alone.run();
    World reloaded({seed, Segments::Random, seed * 5, false, false, true});
    reloaded.run();
    ASSERT_TRUE(reloaded.violations().empty()) << "seed " << seed << ": " << reloaded.violations().front();
    ASSERT_EQ(alone.client().transcript(), reloaded.client().transcript()) << "seed " << seed;
    ASSERT_EQ(alone.upstream().received(), reloaded.upstream().received()) << "seed " << seed;
    reloads += reloaded.tally().reloads;
  }
  EXPECT_GE(reloads, count);
}

TEST(Simulation, WithFaultsNothingLeaksHangsOrIsExecutedUnjudged) {
  const auto [first, count] = seeds();
  Tally tally;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World world({seed, Segments::Random, seed * 7, true});
    world.run();
    ASSERT_TRUE(world.violations().empty()) << "seed " << seed << ": " << world.violations().front();
    // Every accepted tag has its completion, or the stream has ended.
    ASSERT_TRUE(world.client().open_tags().empty() || world.ended()) << "seed " << seed;
    tally.late += world.tally().late;
    tally.never += world.tally().never;
    tally.twice += world.tally().twice;
    tally.crossed += world.tally().crossed;
  }
  for (const std::size_t answers : {tally.late, tally.never, tally.twice}) EXPECT_GE(answers * 50, count);
  EXPECT_GE(tally.crossed * 200, count);
}

}  // namespace
}  // namespace postern::sim
