// What one scenario's connections say and wait for. Made once from the command line, then only read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::bench {

enum class Tls { Implicit, StartTls, Off };

struct Step {
  enum class Kind {
    Greeting,   // wait for the server's first line
    Handshake,  // become a TLS client
    Command,    // a fresh tag, a blank and the text
    Line,       // the text alone: DONE
    Body,       // so many octets of a message, and CRLF
  };
  enum class Answer { Tagged, Continuation };

  Kind kind = Kind::Command;
  std::string text;
  Answer answer = Answer::Tagged;
  std::uint64_t body_octets = 0;
  bool ends_operation = false;
};

struct Script {
  std::vector<Step> set_up;     // once for each connection, not measured
  std::vector<Step> operation;  // again and again; may hold several operations
  bool connects_anew = false;   // each round of `operation` is a connection of its own, its connect included
  bool resumes = false;         // handshakes offer the newest ticket
};

// Ends the process if the name is none of: login, resumed, noop, mix, fetch, append, idle.
Script make_script(const std::string& scenario, Tls tls, std::uint64_t body_mib);

}  // namespace postern::bench
