// Files that hold keys: read whole, and PEM without a passphrase. Used at start-up, reload and by the tools;
// never in a session.
#pragma once

#include <string>

#include "base/result.h"
#include "crypto/openssl.h"

namespace postern::tls {

// The whole file, or an error that names it. Files of more than 1 MiB are refused: none of ours is so large.
Result<std::string> read_file(const std::string& path);
// A private key without a passphrase, in PEM.
Result<KeyPtr> read_key(const std::string& path);

// The callback for PEM readers: without it OpenSSL would ask for a passphrase on the terminal. `asked` is a
// bool, which becomes true.
int no_passphrase(char*, int, int, void* asked);
// OpenSSL's words for what just failed, in brackets behind a blank.
std::string quoted_reason();

}  // namespace postern::tls
