// The mailbox globs of a policy, found by how a name begins: of a thousand only those are looked at whose
// octets before the first star begin the name. "*" stands for any octets of one level, "**" also for "/";
// everything else for itself. Immutable once made, shared by all threads. A name costs O(its length × that of
// the glob) at most; nothing backtracks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/octets.h"

namespace postern::filters {

class MailboxGlobs {
 public:
  // Of what a match is asked.
  enum class Reach : std::uint8_t {
    Name,      // does it match the name?
    AnyBelow,  // could it match some name below it?
    AllBelow,  // does it match every name below it, as far as that can be told?
  };

  explicit MailboxGlobs(const std::vector<std::string>& globs);  // a glob's index there is its number here
  MailboxGlobs(const MailboxGlobs&) = delete;
  MailboxGlobs& operator=(const MailboxGlobs&) = delete;

  // Visits the number of each glob that could match, in no order; matches() then tells. `path` is the name
  // for Reach::Name, else begin_of_levels_below() of it.
  template <typename Visit>
  void candidates(Octets path, Reach reach, Visit visit) const {
    std::size_t low = 0;
    std::size_t high = order_.size();
    for (std::size_t depth = 0; low < high; ++depth) {
      while (low < high && prefix(low).size() == depth) visit(order_[low++]);
      if (depth == path.size() || low == high) break;
      narrow(path[depth], depth, low, high);
    }
    if (reach == Reach::AnyBelow)
      for (; low < high; ++low) visit(order_[low]);
  }
  bool matches(std::uint32_t number, Octets path, Reach reach) const;

 private:
  struct Token {
    enum class Kind : std::uint8_t { Octet, Level, Path };  // Level: "*", Path: "**"
    Kind kind = Kind::Octet;
    char octet = '\0';
  };
  struct Glob {
    std::string prefix;       // up to the first star
    std::vector<Token> rest;  // from the first star on
  };

  Octets prefix(std::size_t place) const noexcept { return globs_[order_[place]].prefix; }
  void narrow(char octet, std::size_t depth, std::size_t& low, std::size_t& high) const noexcept;
  static bool takes_every_path(const std::vector<Token>& tokens, std::size_t from) noexcept;
  static bool run(const std::vector<Token>& tokens, Octets text, Reach reach);

  std::vector<Glob> globs_;
  std::vector<std::uint32_t> order_;  // by prefix
};

// The octets with which every name below `name` begins; below "" is every name.
inline std::string begin_of_levels_below(Octets name) {
  return name.empty() ? std::string() : std::string(name) + "/";
}

}  // namespace postern::filters
