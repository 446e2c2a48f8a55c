#include "config/text_check.h"

#include "config/document.h"

namespace postern::config {
namespace {

// The length of the UTF-8 sequence at the front, 0 if it is none (RFC 3629: no overlong forms, no
// surrogates).
std::size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && at(1) < 0xA0) return 0;
    if (first == 0xED && at(1) > 0x9F) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && at(1) < 0x90) return 0;
    if (first == 0xF4 && at(1) > 0x8F) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

class TextCheck {
 public:
  TextCheck(std::string_view text, Diagnostics& diagnostics) : text_(text), diagnostics_(diagnostics) {}

  bool run() {
    while (position_ < text_.size() && sound_) step();
    return sound_ && tabs_ == 0;
  }

 private:
  // Tabs are reported one for each line; what breaks the encoding ends the check at once.
  void step() {
    const char c = text_[position_];
    const std::size_t length = sequence_length(text_.substr(position_));
    if (length == 0) return stop("encoding", "the file is not valid UTF-8 here");
    if (c == '\0') return stop("nul", "a NUL octet: this is not a text file");
    if (c == '\t') {
      tab();
    } else if (c == '\r') {
      if (text_.substr(position_, 2) != "\r\n")
        return stop("control", "a carriage return without a line feed");
    } else if (c != '\n' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
      return stop("control", "a control character");
    }
    advance(c, length);
  }

  void tab() {
    if (!indenting_ || tab_seen_) return;
    const std::size_t content = text_.find_first_not_of(" \t\r", position_);
    if (content == std::string_view::npos || text_[content] == '\n') return;  // a blank line
    tab_seen_ = true;
    ++tabs_;
    diagnostics_.error("tab", "a tab in the indentation; YAML indents by spaces alone", place_);
  }

  void advance(char c, std::size_t length) {
    position_ += length;
    if (c == '\n') {
      place_ = {place_.line + 1, 1};
      indenting_ = true;
      tab_seen_ = false;
      return;
    }
    ++place_.column;
    if (c != ' ' && c != '\t') indenting_ = false;
  }

  void stop(std::string_view code, std::string message) {
    diagnostics_.error(code, std::move(message), place_);
    sound_ = false;
  }

  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t position_ = 0;
  Place place_{1, 1};
  bool indenting_ = true;
  bool tab_seen_ = false;
  bool sound_ = true;
  int tabs_ = 0;
};

}  // namespace

bool check_text(std::string_view text, Diagnostics& diagnostics) {
  if (text.size() > kFileBytesMax) {
    diagnostics.error("too-large", "the file is larger than 1 MiB", {});
    return false;
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    diagnostics.error("bom", "the file begins with a byte order mark; save it as UTF-8 without one", {1, 1});
    return false;
  }
  return TextCheck(text, diagnostics).run();
}

}  // namespace postern::config
