#include "spec/dialogue.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "base/base64.h"

namespace postern::spec {
namespace {

constexpr const char* kLineEnd = "<<CR>><<LF>>";

[[noreturn]] void reject(const std::string& file, int line, const std::string& why) {
  throw std::runtime_error(file + ":" + std::to_string(line) + ": " + why);
}

std::string name_from(const std::string& heading) {
  std::string name;
  bool upper = true;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return name;
}

// key, key=value or key="value with blanks".
std::map<std::string, std::string> read_attributes(const std::string& text) {
  std::map<std::string, std::string> attributes;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" =", at), text.size());
    const std::string key = text.substr(at, end - at);
    at = end;
    std::string value;
    if (at < text.size() && text[at] == '=') {
      const bool quoted = at + 1 < text.size() && text[at + 1] == '"';
      const std::size_t begin = at + (quoted ? 2 : 1);
      const std::size_t close = std::min(text.find(quoted ? '"' : ' ', begin), text.size());
      value = text.substr(begin, close - begin);
      at = std::min(close + 1, text.size());
    }
    attributes[key] = value;
  }
  return attributes;
}

struct Line {
  StepKind kind;
  std::string text;
  int from = 0;  // [from..to]: once for each number, which takes the place of #
  int to = 0;
  bool ends = true;  // with CRLF
};

std::optional<Line> read_line(const std::string& raw) {
  static const std::pair<const char*, StepKind> kMarks[] = {
      {"C", StepKind::ClientSends},   {"S", StepKind::ClientSees}, {"U>", StepKind::UpstreamSends},
      {"U<", StepKind::UpstreamSees}, {"!", StepKind::Happens},    {"=", StepKind::Asked},
      {"?", StepKind::Holds}};
  for (const auto& [mark, kind] : kMarks) {
    if (raw.rfind(mark, 0) != 0) continue;
    Line line{kind, {}, 0, 0, true};
    std::size_t at = std::string(mark).size();
    if (at < raw.size() && raw[at] == '[') {
      if (std::sscanf(raw.c_str() + at, "[%d..%d]", &line.from, &line.to) != 2) return std::nullopt;
      at = raw.find(']', at) + 1;
    }
    if (at < raw.size() && (raw[at] == ':' || raw[at] == '~')) {
      line.ends = raw[at] == ':';
      ++at;
    }
    if (at < raw.size() && raw[at] != ' ') continue;
    line.text = at < raw.size() ? raw.substr(at + 1) : std::string();
    return line;
  }
  return std::nullopt;
}

bool sends(StepKind kind) { return kind == StepKind::ClientSends || kind == StepKind::UpstreamSends; }
bool sees(StepKind kind) { return kind == StepKind::ClientSees || kind == StepKind::UpstreamSees; }

void add_step(std::vector<Step>& steps, const Line& line, int number) {
  for (int i = line.from; i <= line.to; ++i) {
    std::string text = line.text;
    if (line.to > 0)
      for (std::size_t at = text.find('#'); at != std::string::npos; at = text.find('#', at))
        text.replace(at, 1, std::to_string(i));
    if ((sends(line.kind) || sees(line.kind)) && line.ends) text += kLineEnd;
    // What one side says without being answered in between is one chunk: it is pipelined.
    if (sends(line.kind) && !steps.empty() && steps.back().kind == line.kind) {
      steps.back().text += text;
    } else {
      steps.push_back({line.kind, text, number});
    }
  }
}

std::string from_escapes(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '0' || text[at + 1] == '1')) {
      out += static_cast<char>(text[++at] - '0');
    } else {
      out += text[at];
    }
  }
  return out;
}

bool is_name(const std::string& token) {
  return !token.empty() && std::all_of(token.begin(), token.end(),
                                       [](char c) { return std::islower(static_cast<unsigned char>(c)); });
}

// The octets that a token stands for; nothing if it is a name that is not captured yet, or "...".
std::optional<std::string> meaning(const std::string& token, const Captures& captures) {
  static const Captures kNamed{
      {"LF", "\n"}, {"CR", "\r"}, {"NUL", std::string(1, '\0')}, {"SP", " "}, {"TAB", "\t"}};
  if (const auto named = kNamed.find(token); named != kNamed.end()) return named->second;
  if (token.rfind("base64:", 0) == 0)
    return std::string(encode_base64(from_escapes(token.substr(7))).reveal());
  if (const std::size_t star = token.rfind('*'); star != std::string::npos && star > 0) {
    const int times = std::stoi(token.substr(star + 1));
    std::string out;
    for (int i = 0; i < times; ++i) out.append(token, 0, star);
    return out;
  }
  if (token.size() == 2 && token.find_first_not_of("0123456789ABCDEF") == std::string::npos)
    return std::string(1, static_cast<char>(std::stoi(token, nullptr, 16)));
  if (!is_name(token)) return std::nullopt;
  const auto captured = captures.find(token);
  return captured == captures.end() ? std::nullopt : std::optional<std::string>(captured->second);
}

// Text up to the next token, then the token; empty where there is none.
std::pair<std::string, std::string> next_token(const std::string& text, std::size_t& at) {
  const std::size_t open = std::min(text.find("<<", at), text.size());
  const std::string plain = text.substr(at, open - at);
  at = open;
  if (open == text.size()) return {plain, {}};
  const std::size_t close = text.find(">>", open);
  if (close == std::string::npos) throw std::runtime_error("a token without its end: " + text);
  at = close + 2;
  return {plain, text.substr(open + 2, close - open - 2)};
}

}  // namespace

std::string Dialogue::attribute(const std::string& key, const std::string& otherwise) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? otherwise : found->second;
}

std::vector<Dialogue> read_dialogues(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::vector<Dialogue> dialogues;
  std::string heading;
  bool inside = false;
  int number = 0;
  for (std::string raw; std::getline(in, raw);) {
    ++number;
    if (!inside) {
      if (raw.rfind("## ", 0) == 0) heading = name_from(raw);
      if (raw.rfind("```dialogue", 0) != 0) continue;
      if (heading.empty()) reject(path, number, "a dialogue needs a heading");
      for (const Dialogue& other : dialogues)
        if (other.name == heading) reject(path, number, "one dialogue for each heading");
      dialogues.push_back({path, heading, number, read_attributes(raw.substr(11)), {}});
      inside = true;
      continue;
    }
    if (raw == "```") {
      inside = false;
      continue;
    }
    if (raw.empty()) continue;
    const std::optional<Line> line = read_line(raw);
    if (!line) reject(path, number, "not a line of a dialogue: " + raw);
    add_step(dialogues.back().steps, *line, number);
  }
  if (inside) reject(path, number, "a dialogue without its end");
  return dialogues;
}

std::string expand(const std::string& text, const Captures& captures) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [plain, token] = next_token(text, at);
    out += plain;
    if (token.empty()) continue;
    const std::optional<std::string> octets = meaning(token, captures);
    if (!octets) throw std::runtime_error("<<" + token + ">> stands for nothing here: " + text);
    out += *octets;
  }
  return out;
}

std::size_t match(const std::string& text, const std::string& octets, Captures& captures) {
  std::size_t matched = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [plain, token] = next_token(text, at);
    if (octets.compare(matched, plain.size(), plain) != 0) return std::string::npos;
    matched += plain.size();
    if (token.empty()) continue;
    if (const std::optional<std::string> known = meaning(token, captures)) {
      if (octets.compare(matched, known->size(), *known) != 0) return std::string::npos;
      matched += known->size();
      continue;
    }
    if (token != "..." && !is_name(token)) throw std::runtime_error("an unknown token: " + token);
    const char* const ends = token == "..." ? "\r\n" : " \r\n";
    std::size_t end = std::min(octets.find_first_of(ends, matched), octets.size());
    if (std::size_t behind = at; token == "..." && at < text.size())
      if (const std::string next = next_token(text, behind).first; !next.empty())
        end = std::min(octets.find(next, matched), end);
    if (is_name(token)) captures[token] = octets.substr(matched, end - matched);
    matched = end;
  }
  return matched;
}

std::string printable(const std::string& octets) {
  constexpr std::size_t kMost = 2000;
  std::string out;
  for (std::size_t at = 0; at < std::min(octets.size(), kMost); ++at) {
    const auto value = static_cast<unsigned char>(octets[at]);
    if (octets.compare(at, 2, "\r\n") == 0) {
      out += octets[++at];
    } else if (value >= 0x20 && value < 0x7f) {
      out += octets[at];
    } else {
      char token[8];
      std::snprintf(token, sizeof token, "<<%02X>>", value);
      out += token;
    }
  }
  return octets.size() > kMost ? out + "... (" + std::to_string(octets.size()) + " octets)" : out;
}

}  // namespace postern::spec
