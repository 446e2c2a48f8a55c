#include "telemetry/version.h"

namespace postern::server {

std::string_view version() noexcept { return POSTERN_VERSION; }
std::string_view revision() noexcept { return POSTERN_REVISION; }

}  // namespace postern::server
