// rewrite.user: what a client's user name becomes before anything is decided by it. Made once at load,
// immutable, shared by all workers through the Snapshot; linear in the length of the name. Pure.
//
// Four steps, in this order, each one that is configured: to lower case (ASCII; what lies beyond is left as
// it is), the first `map` whose `from` matches the whole name, the domain cut off, the default domain
// appended where there is none. A domain is what stands behind the last "@".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "config/settings.h"

namespace postern::filters {

class UserRewrite {
 public:
  static constexpr std::size_t kNameBytes = 8 * 1024;

  struct Fault {
    std::string message;
    config::Mark mark;
  };
  // Null where nothing is to be rewritten, and where there are faults: then `faults` says which.
  static std::shared_ptr<const UserRewrite> make(const config::RewriteUser& settings,
                                                 std::vector<Fault>& faults);
  ~UserRewrite();
  UserRewrite(const UserRewrite&) = delete;
  UserRewrite& operator=(const UserRewrite&) = delete;

  // What it becomes, perhaps what it was. Nothing where no name can come of it: empty, longer than kNameBytes
  // before or after, or with NUL, CR or LF in it.
  std::optional<std::string> operator()(Octets name) const;

 private:
  struct Mapping;
  explicit UserRewrite(const config::RewriteUser& settings);
  bool map(std::string& name) const;

  bool lowercase_;
  bool strip_domain_;
  std::string default_domain_;
  std::vector<Mapping> mappings_;
};

}  // namespace postern::filters
