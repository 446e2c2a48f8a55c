// What is wrong with a configuration file, and where: collected by every stage, so that an operator sees all
// of it at once. The one place that turns a finding into text, and that decides which source lines may be
// shown. Never holds a secret: messages name keys and plain values, not what a ${...} stood for.
//
// Codes, by stage. Text: unreadable too-large encoding bom nul control tab. YAML: syntax documents anchor
// alias tag merge-key key duplicate-key too-deep substitution. Keys and values: unknown-key missing-key
// no-value type value range not-supported address pin unknown-upstream. The whole: duplicate-name cleartext
// overlap no-certificate alpn cleartext-upstream no-verification weak-tls client-cert health never-matches
// greeting capability limits idle readable-key. At the end: too-many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "config/settings.h"

namespace postern::config {

enum class Severity : std::uint8_t { Error, Warning, Note };
std::string_view name_of(Severity severity) noexcept;

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string code;     // stable, for scripts: unknown-key
  std::string message;  // one line, printable
  Mark mark;
  std::string source;  // the line of the file, empty where it may hold a secret
};

// "file:line:column: error: message [code]", then the source line and a caret.
std::string render(const Diagnostic& diagnostic);
std::string render(const std::vector<Diagnostic>& diagnostics);

// Text of the file as a message may show it: printable, short, in single quotes.
std::string in_quotes(std::string_view text);
// The value of a node as a message may show it.
std::string shown(const Node& node);

class Diagnostics {
 public:
  static constexpr std::size_t kShownMax = 50;

  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void error(std::string_view code, std::string message, Place place);
  void warning(std::string_view code, std::string message, Place place);
  std::size_t errors() const noexcept { return errors_; }
  Mark mark(Place place) const { return {file_, place.line, place.column}; }
  // Sorted by place, at most kShownMax, with the source lines taken from `text`.
  std::vector<Diagnostic> finish(std::string_view text);

 private:
  void add(Severity severity, std::string_view code, std::string message, Place place);

  std::string file_;
  std::vector<Diagnostic> found_;
  std::size_t errors_ = 0;
};

}  // namespace postern::config
