// Does one glob match everything that another one does? For warnings about rules: "no" may be wrong, "yes"
// never is. Pure.
#pragma once

#include <string_view>

#include "config/match.h"

namespace postern::server {

enum class GlobKind : std::uint8_t {
  Word,     // '*' is any run of octets, '?' one
  Mailbox,  // '*' stops at "/", "**" does not, '?' is itself
};

// A glob and how letters are compared where it is used.
struct Glob {
  std::string_view text;
  config::Case letters = config::Case::Exact;
};

bool covers(Glob outer, Glob inner, GlobKind kind);

// Of networks: does every address of `inner` lie in `outer`?
bool covers(const config::Cidr& outer, const config::Cidr& inner) noexcept;

}  // namespace postern::server
