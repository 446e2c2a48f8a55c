#include "status/process_stats.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <thread>

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

// What has been asked of the kernel since then is seen, and nothing else.
TEST(ProcessStats, CountsDescriptorsAndKnowsTheirLimit) {
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  const ProcessStats before = read_process_stats();
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const rlimit lower{old.rlim_cur - 7, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lower), 0);
  const ProcessStats after = read_process_stats();
  setrlimit(RLIMIT_NOFILE, &old);
  for (const int end : ends) close(end);
  ASSERT_TRUE(before.open_fds && after.open_fds && before.max_fds && after.max_fds);
  EXPECT_EQ(*after.open_fds, *before.open_fds + 2);
  EXPECT_EQ(*before.max_fds, old.rlim_cur);
  EXPECT_EQ(*after.max_fds, lower.rlim_cur);
  EXPECT_EQ(read_process_stats().open_fds, before.open_fds);
}

// From the second on: with the first ThreadSanitizer starts one of its own.
TEST(ProcessStats, CountsThreads) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  std::thread first([ended] { ended.wait(); });
  const ProcessStats before = read_process_stats();
  std::thread another([ended] { ended.wait(); });
  const ProcessStats after = read_process_stats();
  end.set_value();
  first.join();
  another.join();
  ASSERT_TRUE(before.threads && after.threads);
  EXPECT_EQ(*after.threads, *before.threads + 1);
}

TEST(ProcessStats, MeasuresMemory) {
  constexpr std::size_t kBytes = 64 * 1024 * 1024;
  constexpr std::uint64_t kBatched = 1024 * 1024;  // the kernel adds up each thread's pages now and then
  const auto map = [] {
    return mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  const ProcessStats before = read_process_stats();
  void* const memory = map();
  ASSERT_NE(memory, MAP_FAILED);
  const ProcessStats mapped = read_process_stats();
  std::memset(memory, 1, kBytes);
  const ProcessStats used = read_process_stats();
  munmap(memory, kBytes);
  ASSERT_TRUE(before.virtual_bytes && mapped.virtual_bytes && mapped.resident_bytes && used.resident_bytes);
  EXPECT_GE(*mapped.virtual_bytes, *before.virtual_bytes + kBytes);
  EXPECT_LT(*mapped.resident_bytes, *before.resident_bytes + kBytes / 2) << "nothing of it is used yet";
  EXPECT_GE(*used.resident_bytes + kBatched, *mapped.resident_bytes + kBytes);
}

TEST(ProcessStats, MeasuresTheProcessorsTime) {
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
  constexpr double kTicks = 0.02;  // user's and system's time are each cut to a hundredth
  const double begin = used();
  while (used() < begin + 0.2) {
  }
  const double low = used();
  const ProcessStats stats = read_process_stats();
  const double high = used();
  ASSERT_TRUE(stats.cpu_seconds);
  EXPECT_GE(*stats.cpu_seconds, low - kTicks);
  EXPECT_LE(*stats.cpu_seconds, high + kTicks);
}

// The kernel's own file of this process, and its clock since boot, say the same.
TEST(ProcessStats, KnowsWhenTheProcessStarted) {
  std::ifstream file("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto stat = parse_proc_stat(text);
  ASSERT_TRUE(stat);
  const auto now = [](clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double since_boot =
      static_cast<double>(stat->start_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double age = now(CLOCK_BOOTTIME) - since_boot;
  const ProcessStats stats = read_process_stats();
  ASSERT_TRUE(stats.start_time_seconds);
  EXPECT_NEAR(*stats.start_time_seconds, now(CLOCK_REALTIME) - age, 2.0) << "btime is in whole seconds";
}

}  // namespace
}  // namespace postern::server
