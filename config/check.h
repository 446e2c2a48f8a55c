// What has to be true of the Settings as a whole: names that are unique, addresses that do not overlap,
// limits that fit each other, files that can be read. Needs no OpenSSL and no socket; whether a certificate
// fits its key is for the tls layer to say. Reads files' attributes only where `files` is set.
#pragma once

#include "config/diagnostics.h"
#include "config/node.h"
#include "config/settings.h"

namespace postern::config {

void check(const Settings& settings, const Node& root, Diagnostics& diagnostics);
void check_files(const Settings& settings, const Node& root, Diagnostics& diagnostics);  // check_files.cc

}  // namespace postern::config
