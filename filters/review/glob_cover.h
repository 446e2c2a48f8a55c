// Does one glob match everything that another one does? For warnings about rules: "no" may be wrong, "yes"
// never is. Pure.
#pragma once

#include "config/match.h"

namespace postern::server {

using config::Glob;

// Both are of one kind.
bool covers(const Glob& outer, const Glob& inner);

// Of networks: does every address of `inner` lie in `outer`?
bool covers(const config::Cidr& outer, const config::Cidr& inner) noexcept;

}  // namespace postern::server
