// A second, naive reading of what the gateway sends upstream, against which fuzz_session holds the session: a
// line is a command, `{n}` at its end is a literal whose octets may come only behind a "+" from the upstream,
// and nothing else goes through.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace postern::fuzz {

class UpstreamReference {
 public:
  explicit UpstreamReference(bool delete_is_denied) : delete_is_denied_(delete_is_denied) {}

  void connect() {  // a fresh connection, or TLS began on it
    *this = UpstreamReference(delete_is_denied_);
  }

  // What the upstream said, before the session sees it.
  void said(std::string_view octets) {
    for (const char c : octets) {
      if (c != '\n') {
        said_ += c;
        continue;
      }
      if (said_.starts_with("+")) plus_ = true;
      const std::string tag = said_.substr(0, said_.find(' '));
      if (tag == sasl_tag_) sasl_tag_.clear();
      idle_tags_.erase(tag);
      if (tag == tag_ && literal_ > 0 && !literal_begun_ && !plus_) {  // refused instead of "+"
        literal_ = 0;
        line_.clear();
        tag_.clear();
      }
      said_.clear();
    }
  }

  // What the session sends. False: it must not.
  bool receive(std::string_view octets) {
    while (!octets.empty()) {
      if (literal_ > 0) {
        if (!literal_begun_ && !plus_) return false;
        literal_begun_ = true;
        const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(literal_, octets.size()));
        octets.remove_prefix(taken);
        literal_ -= taken;
        continue;
      }
      const std::size_t end = octets.find('\n');
      line_.append(octets.substr(0, end));
      if (end == std::string_view::npos) return true;
      octets.remove_prefix(end + 1);
      if (!judge()) return false;
      line_.clear();
    }
    return true;
  }

 private:
  bool judge() {
    if (!line_.ends_with('\r')) return false;
    line_.pop_back();
    if (line_.find('\r') != std::string::npos || line_.find('\0') != std::string::npos) return false;
    if (!sasl_tag_.empty()) return line_.find_first_not_of(kBase64) == std::string::npos;
    if (!idle_tags_.empty() && line_ == "DONE") return true;
    if (tag_.empty() && !begins_command()) return false;
    return has_nothing_odd() && ends_well();
  }

  bool begins_command() {
    const std::size_t space = line_.find(' ');
    if (space == 0 || space == std::string::npos) return false;
    tag_ = line_.substr(0, space);
    if (tag_.find_first_of("+*(){%\"\\") != std::string::npos || tag_.size() > 128) return false;
    std::string verb = line_.substr(space + 1, line_.find(' ', space + 1) - space - 1);
    if (verb.empty()) return false;
    for (char& c : verb) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (verb.find_first_of("(){%*\"\\]") != std::string::npos) return false;
    if (verb == "STARTTLS" && tag_.front() != 'P') return false;  // only the gateway's own
    if (verb == "COMPRESS" || verb == "UNAUTHENTICATE") return false;
    if (delete_is_denied_ && verb == "DELETE") return false;
    if (verb == "AUTHENTICATE") sasl_tag_ = tag_;
    if (verb == "IDLE") idle_tags_.insert(tag_);
    verb_ = verb;
    depth_ = 0;
    return true;
  }

  // Outside of quotes: no octet at which a parser might stop counting.
  bool has_nothing_odd() {
    const std::size_t last = line_.ends_with('}') ? line_.rfind('{') : std::string::npos;
    bool quoted = false;
    for (std::size_t i = line_.starts_with(tag_) ? tag_.size() : 0; i < line_.size(); ++i) {
      const char c = line_[i];
      if (c == '"') {
        if (!quoted && line_[i - 1] != ' ' && line_[i - 1] != '(') return false;
        quoted = !quoted;
      } else if (quoted) {
        if (c == '\\') ++i;
      } else if (c == '\\') {
        const char next = i + 1 < line_.size() ? line_[i + 1] : ' ';
        if (next != '*' && !((next | 32) >= 'a' && (next | 32) <= 'z')) return false;
      } else if ((c == '{' || c == '}') && (last == std::string::npos || i < last)) {
        return false;
      } else if ((c >= 0 && c < ' ') || c == '\x7f') {
        return false;
      } else if (c == '(') {
        ++depth_;
      } else if (c == ')' && --depth_ < 0) {
        return false;
      }
    }
    return true;
  }

  // Does a literal follow? Only `{n}`, outside of quotes.
  bool ends_well() {
    bool quoted = false;
    for (std::size_t i = 0; i < line_.size(); ++i) {
      if (quoted && line_[i] == '\\') {
        ++i;
      } else if (line_[i] == '"') {
        quoted = !quoted;
      }
    }
    if (quoted) return false;
    const std::size_t open = line_.rfind('{');
    const bool literal = line_.ends_with('}') && open != std::string::npos &&
                         line_.find_first_of(" ()", open) == std::string::npos;
    if (!literal) {
      tag_.clear();
      return std::exchange(depth_, 0) == 0;
    }
    if (verb_ == "IDLE" || verb_ == "NOOP" || verb_ == "EXPUNGE" || verb_ == "CLOSE") return false;
    const std::string digits = line_.substr(open + 1, line_.size() - open - 2);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return false;
    literal_ = std::strtoull(digits.c_str(), nullptr, 10);
    literal_begun_ = plus_ = false;
    return true;
  }

  static constexpr const char* kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=*";

  bool delete_is_denied_;
  std::string line_;
  std::string said_;
  std::string tag_;   // of the command whose end has not come
  std::string verb_;  // its name
  int depth_ = 0;     // its open parentheses
  std::string sasl_tag_;
  std::set<std::string> idle_tags_;
  std::uint64_t literal_ = 0;
  bool literal_begun_ = false;
  bool plus_ = false;
};

}  // namespace postern::fuzz
