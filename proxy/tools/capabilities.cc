#include "tools/capabilities.h"

#include <algorithm>
#include <ostream>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "config/diagnostics.h"
#include "config/load.h"
#include "imap/capability.h"
#include "session/login/capability_line.h"

namespace postern::server {
namespace {

struct Line {
  std::string name;
  std::string_view verdict;
  std::string reason;
};
using Lines = std::vector<Line>;

std::string_view word_for(imap::CapabilityVerdict verdict) {
  switch (verdict) {
    case imap::CapabilityVerdict::Pass:
      return "pass";
    case imap::CapabilityVerdict::Hide:
      return "hide";
    case imap::CapabilityVerdict::Own:
      return "own";
  }
  return "";
}

// The configuration names capabilities, never families: what has no row of its own gets a line of its own.
Line& line_for(Lines& lines, const std::string& name) {
  const auto found = std::find_if(lines.begin(), lines.end(), [&](const Line& line) {
    return equals_ignoring_case(line.name, name) && !imap::stands_for_many(line.name);
  });
  return found != lines.end() ? *found : lines.emplace_back(Line{to_upper(name), "", ""});
}

void show_edit(const imap::CapabilityEdit& edit, Lines& lines) {
  for (const std::string& name : edit.add) {
    Line& line = line_for(lines, name);
    line.verdict = "pass";
    line.reason = "added by rewrite.capabilities.add";
  }
  if (imap::literals_are_limited(edit)) {
    line_for(lines, "LITERAL-").verdict = "own";
    Line& plus = line_for(lines, "LITERAL+");
    plus.verdict = "hide";
    plus.reason = "rewrite.capabilities.add has LITERAL-, which takes its place";
  }
  for (const std::string& name : edit.hide) {
    Line& line = line_for(lines, name);
    line.verdict = "hide";
    line.reason = "hidden by rewrite.capabilities.hide";
  }
}

void write_columns(const Lines& lines, std::ostream& out) {
  constexpr std::size_t kVerdict = 4;
  std::size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.name.size());
  const auto blanks = [](std::size_t column, std::size_t taken) {
    return std::string(column - taken + 2, ' ');
  };
  for (const Line& line : lines)
    out << line.name << blanks(width, line.name.size()) << line.verdict
        << blanks(kVerdict, line.verdict.size()) << line.reason << '\n';
}

void write_json(const Lines& lines, std::ostream& out) {
  std::string text;
  JsonWriter json(text);
  json.list(JsonWriter::Layout::Lines);
  for (const Line& line : lines) {
    json.object(JsonWriter::Layout::Spaced).text("name", line.name);
    json.text("verdict", line.verdict).text("reason", line.reason).end();
  }
  json.end();
  out << text << '\n';
}

}  // namespace

int show_capabilities(const std::string& config_path, bool json, std::ostream& out, std::ostream& err) {
  Lines lines;
  for (const imap::CapabilityRow& row : imap::capability_table())
    lines.push_back({std::string(row.name), word_for(row.verdict), std::string(row.reason)});
  if (!config_path.empty()) {
    const config::Loaded loaded = config::load_file(config_path);
    err << config::render(loaded.diagnostics);
    if (!loaded.ok) return 1;
    show_edit(session::edit_of(loaded.settings), lines);
  }
  json ? write_json(lines, out) : write_columns(lines, out);
  return 0;
}

}  // namespace postern::server
