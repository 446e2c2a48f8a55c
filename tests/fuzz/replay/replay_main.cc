// Runs one fuzz target over the files of a corpus folder: fuzz_replay TARGET FOLDER. A target aborts when a
// property does not hold; a corpus without a file is an error, so that a test cannot pass by finding nothing.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "replay_table.h"

namespace {

std::vector<std::filesystem::path> files_below(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code problem;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, problem))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::uint8_t> octets_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_replay TARGET FOLDER\n");
    return 2;
  }
  for (const ReplayRow& row : kReplayTable) {
    if (row.name != argv[1]) continue;
    const auto files = files_below(argv[2]);
    for (const auto& file : files) {
      // Named before it runs: when the target aborts, the last name printed is the culprit.
      std::printf("%s\n", file.filename().c_str());
      std::fflush(stdout);
      const auto octets = octets_of(file);
      row.run(octets.data(), octets.size());
    }
    row.run(nullptr, 0);
    std::printf("%zu files\n", files.size());
    return files.empty() ? 1 : 0;
  }
  std::fprintf(stderr, "no such target: %s\n", argv[1]);
  return 2;
}
