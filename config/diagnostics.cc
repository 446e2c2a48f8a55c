#include "config/diagnostics.h"

#include <algorithm>
#include <tuple>

#include "base/hex.h"
#include "config/fields.h"

namespace postern::config {
namespace {

constexpr std::size_t kQuotedMax = 60;
constexpr std::size_t kSourceMax = 200;

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Control characters of the file must not reach a terminal (ESC sequences, forged lines).
void append_printable(std::string& out, char c) {
  const auto octet = static_cast<unsigned char>(c);
  if (octet >= 0x20 && octet != 0x7F) {
    out += c;
    return;
  }
  out += "\\x";
  append_hex(out, c);
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool names_secret(std::string_view line) {
  for (const Field& field : fields())
    if (field.type == Type::Secret && line.find(last_key(field.path)) != std::string_view::npos) return true;
  return false;
}

// A secret's value may stand on its key's line or on the one below. Lines that are too long for a caret are
// left out as well.
std::string source_of(const std::vector<std::string_view>& lines, int line) {
  if (line < 1 || static_cast<std::size_t>(line) > lines.size()) return {};
  const auto index = static_cast<std::size_t>(line) - 1;
  if (names_secret(lines[index]) || (index > 0 && names_secret(lines[index - 1]))) return {};
  if (lines[index].size() > kSourceMax) return {};
  std::string out;
  for (const char c : lines[index]) out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) ? ' ' : c;
  return out;
}

}  // namespace

std::string_view name_of(Severity severity) noexcept {
  switch (severity) {
    case Severity::Error:
      return "error";
    case Severity::Warning:
      return "warning";
    case Severity::Note:
      return "note";
  }
  return "error";
}

std::string render(const Diagnostic& diagnostic) {
  std::string out = diagnostic.mark.file;
  if (diagnostic.mark.line > 0) {
    out += ':' + std::to_string(diagnostic.mark.line);
    out += ':' + std::to_string(diagnostic.mark.column);
  }
  out += ": ";
  out += name_of(diagnostic.severity);
  out += ": " + diagnostic.message + " [" + diagnostic.code + "]\n";
  if (diagnostic.source.empty()) return out;
  out += "  " + diagnostic.source + "\n  ";
  out.append(static_cast<std::size_t>(std::max(diagnostic.mark.column - 1, 0)), ' ');
  return out + "^\n";
}

std::string render(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += render(diagnostic);
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  std::size_t end = std::min(text.size(), kQuotedMax);
  while (end > 0 && end < text.size() && is_continuation(text[end])) --end;
  for (const char c : text.substr(0, end)) append_printable(out, c);
  if (end < text.size()) out += "...";
  return out + "'";
}

std::string shown(const Node& node) {
  return node.substituted ? "the substituted value" : in_quotes(node.text);
}

void Diagnostics::error(std::string_view code, std::string message, Place place) {
  ++errors_;
  add(Severity::Error, code, std::move(message), place);
}

void Diagnostics::warning(std::string_view code, std::string message, Place place) {
  add(Severity::Warning, code, std::move(message), place);
}

void Diagnostics::add(Severity severity, std::string_view code, std::string message, Place place) {
  found_.push_back({severity, std::string(code), std::move(message), mark(place), {}});
}

std::vector<Diagnostic> Diagnostics::finish(std::string_view text) {
  std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.mark.line, a.mark.column) < std::tie(b.mark.line, b.mark.column);
  });
  const std::size_t total = found_.size();
  if (total > kShownMax) {
    // Errors come first where not all can be shown: a file with 60 warnings and one error must show the
    // error.
    std::stable_partition(found_.begin(), found_.end(),
                          [](const Diagnostic& one) { return one.severity == Severity::Error; });
    found_.resize(kShownMax);
  }
  const std::vector<std::string_view> lines = split_lines(text);
  for (Diagnostic& diagnostic : found_) diagnostic.source = source_of(lines, diagnostic.mark.line);
  if (total > kShownMax) {
    const std::string rest = std::to_string(total - kShownMax) + " more findings are not shown";
    found_.push_back({Severity::Note, "too-many", rest, mark({}), {}});
  }
  return std::move(found_);
}

}  // namespace postern::config
