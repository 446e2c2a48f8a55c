// Every way to lose mail, in every spelling that a client may send: what stands in RFC 9051 and its
// extensions, and what only a hostile client writes.
#pragma once

#include <string>
#include <vector>

namespace postern::policy {

struct Form {
  std::string command = {};          // without tag and last line end; {n} waits for "+", {n+} does not
  std::string selected = "Archive";  // as SELECT has it; empty: none
  bool utf8 = false;                 // UTF8=ACCEPT is enabled before
  char separator = '/';              // the upstream's
  bool organises = false;            // the mail stays somewhere: organise lets it pass
  bool fits = true;                  // is within the grammar, as far as the gateway asks for it
};

std::vector<Form> forms();    // those that fit
std::vector<Form> misfits();  // those that a lenient server would take, and the gateway forwards to none

}  // namespace postern::policy
