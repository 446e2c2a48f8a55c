#include "process/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace postern::server {
namespace {

Error failed(const std::string& what) { return {ErrorCode::SystemCall, what + ": " + std::strerror(errno)}; }

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

Result<void> become(const std::string& user) {
  if (user.empty()) return {};
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> memory(16 * 1024);
  const int rc = getpwnam_r(user.c_str(), &entry, memory.data(), memory.size(), &found);
  if (found == nullptr)
    return Error{ErrorCode::SystemCall,
                 "user '" + user + "' " + (rc == 0 ? "does not exist" : std::strerror(rc))};
  if (geteuid() == entry.pw_uid && entry.pw_uid != 0) return {};
  if (geteuid() != 0) return Error{ErrorCode::SystemCall, "only root can become the user '" + user + "'"};
  if (initgroups(user.c_str(), entry.pw_gid) != 0) return failed("cannot set the groups of '" + user + "'");
  if (setgid(entry.pw_gid) != 0) return failed("cannot become the group of '" + user + "'");
  if (setuid(entry.pw_uid) != 0) return failed("cannot become the user '" + user + "'");
  if (entry.pw_uid != 0 && setuid(0) == 0) return Error{ErrorCode::SystemCall, "root could not be given up"};
  return {};
}

}  // namespace postern::server
