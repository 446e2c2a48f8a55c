// The mailbox globs of a policy, found by how a name begins, or, where a glob begins with a star, by how it
// ends: of a thousand only those are looked at whose octets before the first star begin the name, or whose
// octets behind the last one end it. What a glob matches is config/glob.h's. Immutable once made, shared by
// all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/octets.h"
#include "config/glob.h"

namespace postern::filters {

class MailboxGlobs {
 public:
  using Reach = config::Reach;  // of what is below, where it is not Name

  explicit MailboxGlobs(const std::vector<std::string>& globs);  // a glob's index there is its number here
  MailboxGlobs(const MailboxGlobs&) = delete;
  MailboxGlobs& operator=(const MailboxGlobs&) = delete;

  // Visits the number of each glob that could match, in no order; matches() then tells. `path` is the name
  // for Reach::Name, else begin_of_levels_below() of it.
  template <typename Visit>
  void candidates(Octets path, Reach reach, Visit visit) const {
    const auto forwards = [path](std::size_t depth) { return path[depth]; };
    by_begin_.visit(path.size(), forwards, reach == Reach::AnyBelow, visit);
    if (reach == Reach::AllBelow) return;  // what is below does not all end alike
    const auto backwards = [path](std::size_t depth) { return path[path.size() - 1 - depth]; };
    if (reach == Reach::Name) {
      by_end_.visit(path.size(), backwards, false, visit);
    } else {
      by_end_.visit(0, backwards, true, visit);
    }
  }
  bool matches(std::uint32_t number, Octets path, Reach reach) const;

 private:
  // Globs in the order of a key that a name has to begin with, in the direction in which it is read.
  class Index {
   public:
    void add(std::uint32_t number, std::string key) { rows_.push_back({std::move(key), number}); }
    void sort();
    // Each glob whose key the text begins with; `longer`: also those whose key begins with the text.
    template <typename OctetAt, typename Visit>
    void visit(std::size_t size, OctetAt octet_at, bool longer, Visit visit) const {
      std::size_t low = 0;
      std::size_t high = rows_.size();
      for (std::size_t depth = 0; low < high; ++depth) {
        while (low < high && rows_[low].key.size() == depth) visit(rows_[low++].number);
        if (depth == size || low == high) break;
        narrow(octet_at(depth), depth, low, high);
      }
      if (longer)
        for (; low < high; ++low) visit(rows_[low].number);
    }

   private:
    struct Row {
      std::string key;
      std::uint32_t number = 0;
    };
    void narrow(char octet, std::size_t depth, std::size_t& low, std::size_t& high) const noexcept;
    std::vector<Row> rows_;
  };

  std::vector<std::string> texts_;
  std::vector<config::Glob> globs_;  // of texts_
  Index by_begin_;
  Index by_end_;  // those that begin with a star and do not end in one
};

// The octets with which every name below `name` begins; below "" is every name.
inline std::string begin_of_levels_below(Octets name) {
  return name.empty() ? std::string() : std::string(name) + "/";
}

}  // namespace postern::filters
