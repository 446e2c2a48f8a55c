#include "server/process_stats.h"

#include <gtest/gtest.h>

namespace postern::server {
namespace {

TEST(ProcessStats, ReadsTheFieldsBehindTheName) {
  const auto stat = parse_proc_stat(
      "42 (a) (b c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 5 0 12345 104857600 2560 "
      "18446744073709551615 1 1 0 0 0 0 0 0 0\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->user_ticks, 250U);
  EXPECT_EQ(stat->system_ticks, 50U);
  EXPECT_EQ(stat->threads, 5U);
  EXPECT_EQ(stat->start_ticks, 12345U);
  EXPECT_EQ(stat->virtual_bytes, 104857600U);
  EXPECT_EQ(stat->resident_pages, 2560U);
}

TEST(ProcessStats, TakesNothingFromATextOfAnotherShape) {
  EXPECT_FALSE(parse_proc_stat(""));
  EXPECT_FALSE(parse_proc_stat("42 (postern) S 1 42"));
}

TEST(ProcessStats, KnowsThisProcess) {
  const ProcessStats stats = read_process_stats();
  ASSERT_TRUE(stats.open_fds && stats.max_fds && stats.threads && stats.resident_bytes);
  EXPECT_GE(*stats.open_fds, 3U);
  EXPECT_LE(*stats.open_fds, *stats.max_fds);
  EXPECT_GE(*stats.threads, 1U);
  EXPECT_GT(*stats.resident_bytes, 1'000'000U);
  ASSERT_TRUE(stats.start_time_seconds && stats.cpu_seconds);
  EXPECT_GT(*stats.start_time_seconds, 1'600'000'000.0);
}

}  // namespace
}  // namespace postern::server
