// What this program is, compiled in: the project's version and the revision of the source.
#pragma once

#include <string_view>

namespace postern::server {

std::string_view version() noexcept;
std::string_view revision() noexcept;  // "unknown" if it was built outside of git

}  // namespace postern::server
