#include "base/json_writer.h"

#include <algorithm>

namespace postern {

// Octets are written at once: an audit record has some thirty members.
std::string& append_json_key(std::string& out, std::string_view key) {
  const std::size_t at = out.size();
  const bool first = out.back() == '{';
  out.resize(at + key.size() + (first ? 3 : 4));
  char* to = out.data() + at;
  if (!first) *to++ = ',';
  *to++ = '"';
  to = std::copy(key.begin(), key.end(), to);
  *to++ = '"';
  *to = ':';
  return out;
}

void append_json_text(std::string& out, std::string_view value, EscapeStyle style, EscapeBounds bounds) {
  if (value.size() <= std::min(bounds.taken, bounds.written) && is_plain_text(value)) {
    const std::size_t at = out.size();
    out.resize(at + value.size() + 2);
    char* to = out.data() + at;
    *to++ = '"';
    to = std::copy(value.begin(), value.end(), to);
    *to = '"';
    return;
  }
  out += '"';
  append_escaped(out, value, style, bounds);
  out += '"';
}

JsonWriter& JsonWriter::open(char opening, Layout layout) {
  begin_item();
  out_ += opening;
  levels_.push_back({opening == '{' ? '}' : ']', layout});
  return *this;
}

JsonWriter& JsonWriter::end() {
  const Level ended = levels_.back();
  levels_.pop_back();
  if (!ended.empty && ended.layout == Layout::Lines) break_line();
  out_ += ended.closing;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value, EscapeBounds bounds) {
  begin_item();
  append_json_text(out_, value, EscapeStyle::Json, bounds);
  return *this;
}

JsonWriter& JsonWriter::texts(const std::vector<std::string>& values, Layout layout) {
  list(layout);
  for (const std::string& value : values) text(value);
  return end();
}

JsonWriter& JsonWriter::key(std::string_view key) {
  separate();
  out_.append("\"").append(key).append(levels_.back().layout == Layout::Dense ? "\":" : "\": ");
  return *this;
}

JsonWriter& JsonWriter::word(std::string_view value) {
  begin_item();
  out_ += value;
  return *this;
}

void JsonWriter::begin_item() {
  if (!levels_.empty() && levels_.back().closing == ']') separate();
}

void JsonWriter::separate() {
  Level& level = levels_.back();
  if (!level.empty) out_ += level.layout == Layout::Spaced ? ", " : ",";
  level.empty = false;
  if (level.layout == Layout::Lines) break_line();
}

void JsonWriter::break_line() { out_.append("\n").append(2 * levels_.size(), ' '); }

}  // namespace postern
