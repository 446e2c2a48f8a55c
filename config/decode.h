// From tree to Settings: the fields that this version has, typed, with paths made absolute. What a key fills
// stands in the field table; here is what more than one row must say (marks, addresses, pins, names of
// upstreams, the entries of a rule's `when`). Runs behind validate(), and reports only what the table cannot.
// Where a value is faulty its default stands in, so that later checks find more. Pure.
#pragma once

#include <string>

#include "config/diagnostics.h"
#include "config/node.h"
#include "config/settings.h"

namespace postern::config {

// `folder` is absolute: relative paths start there. Every list of Settings has as many entries as the file's,
// so an index into one is an index into the other.
Settings decode(const Node& root, const std::string& folder, Diagnostics& diagnostics);

}  // namespace postern::config
