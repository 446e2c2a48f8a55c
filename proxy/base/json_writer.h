// Writes JSON by appending to a string that the caller owns: members with their commas, texts escaped as
// EscapeStyle::Json does it, so that the result is printable on a terminal and in a log. Keys are words of
// our own and stand as they are. The audit trail has a canonical form of its own (audit/trail/json.cc) and
// takes no more than the two functions from here. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/escape.h"

namespace postern {

// `"key":`, behind a comma unless the object has just been opened.
std::string& append_json_key(std::string& out, std::string_view key);
// A value in quotes, in EscapeStyle::Json or Record.
void append_json_text(std::string& out, std::string_view value, EscapeStyle style = EscapeStyle::Json,
                      EscapeBounds bounds = {});

class JsonWriter {
 public:
  enum class Layout : std::uint8_t {
    Dense,   // no blanks at all
    Spaced,  // one line, a blank behind each comma and colon
    Lines,   // a line for each member, indented by two blanks for each object and list around it
  };

  explicit JsonWriter(std::string& out) : out_(out) {}

  // A value: behind key(), or an item of a list. What is opened needs its end().
  JsonWriter& object(Layout layout) { return open('{', layout); }
  JsonWriter& list(Layout layout) { return open('[', layout); }
  JsonWriter& end();
  JsonWriter& text(std::string_view value, EscapeBounds bounds = {});
  JsonWriter& number(std::uint64_t value) { return word(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return word(value ? "true" : "false"); }
  JsonWriter& null() { return word("null"); }
  JsonWriter& texts(const std::vector<std::string>& values, Layout layout);

  JsonWriter& key(std::string_view key);
  // A member at once.
  JsonWriter& text(std::string_view name, std::string_view value, EscapeBounds bounds = {}) {
    return key(name).text(value, bounds);
  }
  JsonWriter& number(std::string_view name, std::uint64_t value) { return key(name).number(value); }
  JsonWriter& boolean(std::string_view name, bool value) { return key(name).boolean(value); }

 private:
  struct Level {
    char closing;
    Layout layout;
    bool empty = true;
  };

  JsonWriter& open(char opening, Layout layout);
  JsonWriter& word(std::string_view value);
  void begin_item();  // in a list: the comma, and where the item stands
  void separate();
  void break_line();

  std::string& out_;
  std::vector<Level> levels_;
};

}  // namespace postern
