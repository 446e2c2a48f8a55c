// The members of a line that has been written by append_json(), found without a JSON parser: the form is ours
// and strict. A quote inside a text is escaped, so that `,"key":` is never found in one. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/octets.h"

namespace postern::audit {

// As it stands in the line, escaped; empty if there is none.
Octets text_in(Octets line, Octets key);
std::optional<std::uint64_t> number_in(Octets line, Octets key);

}  // namespace postern::audit
