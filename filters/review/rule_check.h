// What an operator should look at in rules that are valid all the same: rules that nothing can match, rules
// that an earlier one leaves nothing to decide, and names that nobody has. Codes: never-matches, shadowed,
// unknown-command. Only what is certain is said. Pure; the cost is the square of the number of rules.
#pragma once

#include <vector>

#include "config/diagnostics.h"
#include "config/settings.h"

namespace postern::server {

std::vector<config::Diagnostic> check_rules(const config::Settings& settings);  // warnings

}  // namespace postern::server
