// `postern check`: everything that `postern run` would find wrong before it binds, and nothing else: no
// socket, no signal, nothing written. Certificates, keys, CAs and ticket keys are opened and verified.
#pragma once

#include <iosfwd>
#include <string>

namespace postern::server {

// 0 and "FILE: ok" on `out`, or 1; findings go to `err` as file:line:column.
int check(const std::string& config_path, std::ostream& out, std::ostream& err);

}  // namespace postern::server
