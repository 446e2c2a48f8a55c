// A protocol dialogue as written in one of this folder's *.md files, read but not yet played. README.md
// explains the notation.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace postern::spec {

enum class StepKind {
  ClientSends,    // C:   C~
  UpstreamSends,  // U>   U>~
  ClientSees,     // S:   S~
  UpstreamSees,   // U<   U<~
  Happens,        // !    an event, or time passes
  Asked,          // =    an action that the session asks for
  Holds,          // ?    something that is true of the session now
};

struct Step {
  StepKind kind = StepKind::Happens;
  // Of a `C` or `U>` step the template of one whole chunk, line ends included as <<CR>><<LF>>; of an `S` or
  // `U<` step the template of one line; else the words.
  std::string text;
  int line = 0;
};

struct Dialogue {
  std::string file;
  std::string name;  // of the test: made from the heading above it
  int line = 0;
  std::map<std::string, std::string> attributes;
  std::vector<Step> steps;

  bool has(const std::string& attribute) const { return attributes.count(attribute) != 0; }
  std::string attribute(const std::string& key, const std::string& otherwise) const;
};

// Throws std::runtime_error, naming file and line, where the notation is not kept.
std::vector<Dialogue> read_dialogues(const std::string& path);

// What a template's tokens stand for; names captured so far may be used.
using Captures = std::map<std::string, std::string>;
std::string expand(const std::string& text, const Captures& captures);

// Matches the front of `octets` against a template; new names are captured. Returns how many octets matched,
// or npos.
std::size_t match(const std::string& text, const std::string& octets, Captures& captures);

std::string printable(const std::string& octets);  // for failure messages

}  // namespace postern::spec
