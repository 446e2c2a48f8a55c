// The JSON schema (draft-07, which editors read) of the configuration, printed from the field table. The copy
// that ships is config/postern.schema.json; a test compares the two. Pure.
#pragma once

#include <string>

namespace postern::config {

std::string schema_json();

}  // namespace postern::config
