// From text to tree: the strict subset of YAML that a configuration is written in (no aliases, anchors, tags,
// merge keys, duplicate keys, second documents, tabs as indentation). The only user of yaml-cpp, and only of
// its event interface: the decoding of scalars is ours. Also replaces ${...} in decoded values.
#pragma once

#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/node.h"
#include "config/substitute.h"

namespace postern::config {

inline constexpr std::size_t kFileBytesMax = 1024 * 1024;
inline constexpr std::size_t kDepthMax = 32;

// Faults go to `diagnostics`; the tree holds what could be understood, a Null node if nothing was.
Node parse_document(std::string_view text, const Environment& environment, Diagnostics& diagnostics);

}  // namespace postern::config
