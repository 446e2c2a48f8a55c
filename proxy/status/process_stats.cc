#include "status/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

#include "base/folder.h"

namespace postern::server {
namespace {

std::string read_text(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::uint64_t> count_open_fds() {
  const FolderPtr folder = open_folder("/proc/self/fd");
  if (!folder) return std::nullopt;
  std::uint64_t entries = 0;
  while (const dirent* entry = readdir(folder.get()))
    if (entry->d_name[0] != '.') ++entries;
  return entries - 1;  // the one that reads the folder
}

std::optional<double> boot_time_seconds() {
  const std::string text = read_text("/proc/stat");
  constexpr std::string_view kKey = "\nbtime ";
  const std::size_t at = text.find(kKey);
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t seconds = 0;
  const char* begin = text.data() + at + kKey.size();
  if (std::from_chars(begin, text.data() + text.size(), seconds).ec != std::errc{}) return std::nullopt;
  return static_cast<double>(seconds);
}

}  // namespace

std::optional<ProcStat> parse_proc_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  // The fields behind the name are numbered from 3 in proc(5).
  constexpr std::size_t kFirst = 3;
  std::array<std::uint64_t, 25> fields{};
  std::istringstream words{std::string(text.substr(name_end + 1))};
  std::string word;
  for (std::size_t number = kFirst; number < fields.size(); ++number) {
    if (!(words >> word)) return std::nullopt;
    std::from_chars(word.data(), word.data() + word.size(), fields[number]);
  }
  ProcStat stat;
  stat.user_ticks = fields[14];
  stat.system_ticks = fields[15];
  stat.threads = fields[20];
  stat.start_ticks = fields[22];
  stat.virtual_bytes = fields[23];
  stat.resident_pages = fields[24];
  return stat;
}

ProcessStats read_process_stats() {
  ProcessStats stats;
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto stat = parse_proc_stat(read_text("/proc/self/stat"))) {
    stats.cpu_seconds = static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks_per_second;
    stats.threads = stat->threads;
    stats.virtual_bytes = stat->virtual_bytes;
    stats.resident_bytes = stat->resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    if (const auto boot = boot_time_seconds())
      stats.start_time_seconds = *boot + static_cast<double>(stat->start_ticks) / ticks_per_second;
  }
  stats.open_fds = count_open_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    stats.virtual_max_bytes = limit.rlim_cur;
  return stats;
}

}  // namespace postern::server
