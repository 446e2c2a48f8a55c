// What must be true of the text before yaml-cpp sees it. Its own messages on tabs are poor ("illegal map
// value"), a NUL makes it guess UTF-16, and an octet 0x04 is its end of file: the rest would be dropped
// without a word.
#pragma once

#include <string_view>

#include "config/diagnostics.h"

namespace postern::config {

// False if the text must not be parsed; the reasons are in `diagnostics`.
bool check_text(std::string_view text, Diagnostics& diagnostics);

}  // namespace postern::config
