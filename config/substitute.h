// ${env:NAME}, ${env:NAME:-default}, ${file:/path}, ${cred:ID} and $$ in a decoded value. Works on values,
// never on the text of the file, so nothing that is put in can change the structure around it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace postern::config {

// Where substitution looks: the process's surroundings, or a test's.
struct Environment {
  std::string folder;  // absolute; relative paths start here
  std::function<std::optional<std::string>(const std::string& name)> variable;
};
Environment process_environment(std::string folder);

struct Substituted {
  std::string text;
  bool changed = false;
  std::string error;       // empty: none. Names the variable or file, never a content
  std::size_t offset = 0;  // of the faulty ${ in the value
};
Substituted substitute(std::string_view value, const Environment& environment);

}  // namespace postern::config
