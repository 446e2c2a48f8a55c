#include "common/options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace postern::bench {

void die(std::string_view why, int status) {
  std::fprintf(stderr, "error: %.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(status);
}

Options::Options(int argc, char** argv, std::initializer_list<std::string_view> known) {
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (!argument.starts_with("--")) die("not an option: " + std::string(argument), 2);
    argument.remove_prefix(2);
    const auto equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    if (std::find(known.begin(), known.end(), name) == known.end())
      die("unknown option --" + std::string(name), 2);
    values_.emplace(name, equals == std::string_view::npos ? "" : argument.substr(equals + 1));
  }
}

bool Options::has(std::string_view name) const { return values_.find(name) != values_.end(); }

std::string Options::text(std::string_view name, std::string_view fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(fallback) : found->second;
}

std::uint64_t Options::number(std::string_view name, std::uint64_t fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  const std::string& value = found->second;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size())
    die("not a number: --" + std::string(name) + "=" + value, 2);
  return number;
}

}  // namespace postern::bench
