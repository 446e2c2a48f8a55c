// What Linux says of this process, for the process_* metrics that every Prometheus client library has. Read
// from /proc at each scrape on the main thread; what cannot be read is left out, never invented.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::server {

struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time_seconds;  // since the epoch
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> virtual_max_bytes;  // absent where there is no limit
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> threads;
};

// The numbers of /proc/PID/stat that are used (proc(5)); nothing if the text has another shape. The name in
// parentheses may hold anything, parentheses and blanks too.
struct ProcStat {
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;  // since boot
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};
std::optional<ProcStat> parse_proc_stat(std::string_view text);

ProcessStats read_process_stats();

}  // namespace postern::server
