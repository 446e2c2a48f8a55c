// What the process asks of the kernel for itself, once, at its start: descriptors, and to be somebody else.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace postern::server {

// Raises RLIMIT_NOFILE to its hard limit; what then holds is returned.
std::uint64_t raise_descriptor_limit();

// Gives up root for `user`, its group and its supplementary groups, for good. Empty: stays as it is. Somebody
// who is not root may only become himself.
Result<void> become(const std::string& user);

}  // namespace postern::server
