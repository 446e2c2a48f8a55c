// The command line of the bench programs: --name=value, or --name for a switch. Built once at the start of
// main(). An unknown name ends the process with status 2, so that a misspelt option cannot spoil a run.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace postern::bench {

class Options {
 public:
  Options(int argc, char** argv, std::initializer_list<std::string_view> known);

  bool has(std::string_view name) const;
  std::string text(std::string_view name, std::string_view fallback) const;
  std::uint64_t number(std::string_view name, std::uint64_t fallback) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// Says why on standard error and ends the process. The bench programs have nobody to hand an error to.
[[noreturn]] void die(std::string_view why, int status = 1);

}  // namespace postern::bench
