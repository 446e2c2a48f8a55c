// What a simulated client is going to say: commands with literals of all forms, some of which the policy of
// the simulation denies or holds. Literals carry poison: octets that would be a denied command if anybody
// took them for one.
#pragma once

#include <string>
#include <vector>

#include "sim/random.h"

namespace postern::sim {

// Octets of a command up to the point where a client has to wait for "+" (or to the end).
struct Part {
  std::string octets;
  bool waits = false;  // ends in a synchronising literal
};

struct ScriptedCommand {
  std::string tag;
  std::vector<Part> parts;
  bool idle = false;  // ends by DONE
  bool logout = false;
};

// Names that must never reach the upstream as (part of) a command.
inline constexpr const char* kForbidden = "Forbidden";
inline constexpr const char* kPoison = "z9 DELETE Forbidden\r\n";
// A field by which a client passes for another's proxy: believed, and passed on, only if it is trusted.
inline constexpr const char* kForgery = "x-originating-ip";
inline constexpr const char* kForgedAddress = "203.0.113.66";
inline constexpr const char* kPassword = "c4nary-s3cret";

struct Script {
  bool starttls = false;          // else implicit TLS
  bool trusted = false;           // the client's ID is believed
  bool clear_text_login = false;  // tries LOGIN before STARTTLS
  bool send_id = false;           // the upstream is told whom the gateway speaks for
  std::vector<ScriptedCommand> login;
  std::vector<ScriptedCommand> commands;
  std::size_t pipeline = 1;  // commands sent ahead of their answers
};

Script make_script(Random& random);

}  // namespace postern::sim
