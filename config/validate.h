// Holds the tree against the field table: unknown keys, missing keys, wrong types, values out of bounds, and
// what this version does not have. Reports everything; decode.cc may then read the tree without doubts. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/fields.h"
#include "config/node.h"

namespace postern::config {

void validate(const Node& root, Diagnostics& diagnostics);

// Why a scalar cannot be a value of a field. Empty text: it can.
struct Fault {
  std::string text;
  std::string_view code = "value";
};
Fault fault_of(const Field& field, const Node& scalar);

}  // namespace postern::config
