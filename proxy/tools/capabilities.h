// `postern capabilities`: the table of what may be told to clients, each with its verdict and reason; with a
// configuration, as rewrite.capabilities changes it. No socket is opened, no upstream asked.
#pragma once

#include <iosfwd>
#include <string>

namespace postern::server {

// In columns or as a JSON array of {name, verdict, reason}; verdict is pass, hide or own. `config_path` may
// be empty. 0, or 1 where the configuration is invalid: findings go to `err` as file:line:column.
int show_capabilities(const std::string& config_path, bool json, std::ostream& out, std::ostream& err);

}  // namespace postern::server
