// `postern explain`: what would become of one command of one client, and which rule decides. The command goes
// through the gateway's own scanner and filters; no socket is opened, no upstream asked, no certificate read.
#pragma once

#include <iosfwd>
#include <string>

namespace postern::server {

// Empty = not said.
struct ExplainQuestion {
  std::string config_path = {};
  std::string from = {};      // the client's address, without port; not said: nobody knows it
  std::string listener = {};  // its name; not said: the first one
  std::string sni = {};
  std::string user = {};  // as the client sends it; not said: a mechanism that hides it, or not logged in yet
  std::string tls = {};   // "1.2", "1.3", …, "off"; not said: 1.3 where the listener has TLS
  std::string client_cert = {};  // a name in the client's verified certificate
  std::string mailbox = {};      // that is selected
  bool read_only = false;        // … by EXAMINE
  std::string separator = {};    // the upstream's, one character; not said: "/"
  std::string command =
      {};  // without tag and last line end; a literal is written {n} or {n+}, a line end, octets
  bool json = false;
};

// As text or as one JSON object on `out`. 0: it is explained, whatever the outcome; 1: the configuration is
// invalid; 2: the question is. What is wrong goes to `err`.
int explain(const ExplainQuestion& question, std::ostream& out, std::ostream& err);

}  // namespace postern::server
