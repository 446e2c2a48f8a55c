#include "policy/lenient_upstream.h"

#include <algorithm>
#include <cctype>

namespace postern::policy {
namespace {

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// Words by blanks, as a server that does not mind their number.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  return out;
}

bool any_of(const std::string& verb, std::initializer_list<const char*> verbs) {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// The text without what stands in quotes; the quotes stay.
std::string unquoted(const std::string& text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!quoted || text[i] == '"') out += text[i];
    if (quoted && text[i] == '\\') ++i;
    if (text[i] == '"') quoted = !quoted;
  }
  return out;
}

bool has_odd_backslash(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\\' && (i + 1 == text.size() || !is_letter(text[i + 1]))) return true;
  return false;
}

bool has_odd_parenthesis(const std::string& text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == '(' && i > 0 && text[i - 1] != ' ' && text[i - 1] != '(' && text[i - 1] != ')')
      return true;
    if (text[i] == ')' && --depth < 0) return true;
  }
  return false;
}

bool has_odd_quote(const std::string& text) {
  bool open = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '"') continue;
    open = !open;
    const char before = i > 0 ? text[i - 1] : ' ';
    const char behind = i + 1 < text.size() ? text[i + 1] : ' ';
    if (open ? before != ' ' && before != '(' : behind != ' ' && behind != ')') return true;
  }
  return open;
}

bool has_endless_number(const std::string& text) {
  std::size_t digits = 0;
  for (const char c : text) {
    digits = is_digit(c) ? digits + 1 : 0;
    if (digits > 20) return true;
  }
  return false;
}

bool has_odd_message(const std::string& text) {
  std::size_t depth = 0;
  std::size_t arguments = 0;
  for (const std::string& word : words_of(unquoted(text))) {
    if (depth == 0 && ++arguments > 3 && word.front() != '(' && word.front() != '"' && word.front() != '{' &&
        word.front() != '~' && word != "CATENATE" && word != "UTF8" && word != "<MESSAGE>")
      return true;
    if (word == "CATENATE" || word == "UTF8" || word == "<MESSAGE>") return false;
    for (const char c : word)
      depth += c == '(' ? 1 : c == ')' && depth > 0 ? static_cast<std::size_t>(-1) : 0;
  }
  return false;
}

// `text` in capitals: what stands behind APPEND's mailbox, or nothing.
std::string behind_mailbox(const std::string& text) {
  std::size_t at = text.find(" APPEND ");
  if (at == std::string::npos) return {};
  at += 8;
  if (at < text.size() && text[at] == '"') at = text.find('"', at + 1);
  at = at == std::string::npos ? at : text.find(' ', at);
  return at == std::string::npos ? std::string() : text.substr(at + 1);
}

bool has_odd_flags(const std::string& text) {
  const std::string rest = behind_mailbox(text);
  if (!rest.starts_with('(')) return false;
  const std::size_t close = rest.find(')');
  return close == std::string::npos || rest.substr(1, close).find_first_of("\"(#") != std::string::npos;
}

bool has_odd_date(const std::string& text) {
  const std::string rest = behind_mailbox(text);
  const std::size_t open = rest.find('"');
  return open != std::string::npos && !has(rest, "CATENATE") && rest.find('"', open + 1) != open + 27;
}

bool has_odd_section(const std::string& text) {
  const std::string rest = behind_mailbox(text);
  const std::size_t parts = rest.find("CATENATE");
  if (parts != std::string::npos)
    return rest.compare(parts + 8, 6, " (TEXT") != 0 && rest.compare(parts + 8, 5, " (URL") != 0;
  const std::size_t utf8 = rest.find("UTF8");
  return utf8 != std::string::npos && rest.substr(utf8 + 4) != " (~" && !has(rest, "<MESSAGE>");
}

}  // namespace

std::string LenientUpstream::capabilities() const {
  return std::string("IMAP4rev1 NAMESPACE SPECIAL-USE MOVE UIDPLUS ENABLE BINARY ") +
         // Who ends a command with a message has none of these.
         (lapse_ == Lapse::BehindBody ? "" : "UTF8=ACCEPT CATENATE MULTIAPPEND ") +
         "REPLACE ACL RIGHTS=kxte QUOTA METADATA CONDSTORE X-GM-EXT-1 ESEARCH SEARCHRES ID IDLE" +
         (unselect_ ? " UNSELECT" : "");
}

std::string LenientUpstream::receive(const std::string& octets) {
  received_ += octets;
  if (has_refused_part_) behind_refusal_ += octets;
  input_ += octets;
  output_.clear();
  while (!input_.empty()) {
    if (literal_left_ > 0) {
      const std::size_t taken = std::min(literal_left_, input_.size());
      if (!literal_is_message_) command_ += input_.substr(0, taken);
      input_.erase(0, taken);
      literal_left_ -= taken;
      if (literal_left_ == 0 && literal_is_message_ && lapse_ == Lapse::BehindBody) {
        behind_message_ = true;
        message_tag_ = command_.substr(0, command_.find(' '));
        command_.clear();
      }
      continue;
    }
    const std::size_t end = input_.find('\n');
    if (end == std::string::npos) break;
    std::string text = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (text.empty() || text.back() != '\r')
      violations_.push_back("a bare LF: " + text);
    else
      text.pop_back();
    if (behind_message_) {  // it is over; a blank ahead of what follows is no matter
      behind_message_ = false;
      output_ += message_tag_ + " OK done\r\n";
      if (text.find_first_not_of(' ') == std::string::npos) continue;
      text.erase(0, text.find_first_not_of(' '));
    }
    if (command_.empty()) outside_.clear();
    command_ += text;
    outside_ += text;
    line();
  }
  return output_;
}

// `before`: what stands outside of literals, up to the announcement of one.
bool LenientUpstream::loses_count(const std::string& before) const {
  const std::string bare = unquoted(before);
  const std::vector<std::string> words = words_of(upper(before));
  const bool uid = words.size() > 1 && words[1] == "UID";
  const std::string verb = words.size() > (uid ? 2U : 1U) ? words[uid ? 2 : 1] : "";
  switch (lapse_) {
    case Lapse::Backslash:
      return has_odd_backslash(bare);
    case Lapse::Parenthesis:
      return has_odd_parenthesis(bare);
    case Lapse::Quote:
      return has_odd_quote(bare);
    case Lapse::Brace:
      return bare.find_first_of("{}") != std::string::npos;
    case Lapse::Number:
      return has_endless_number(bare.substr(std::min(bare.find(' '), bare.size())));
    case Lapse::Control:
      return std::any_of(bare.begin(), bare.end(), [](char c) { return c > 0 && c < ' '; });
    case Lapse::NoString:
      return any_of(verb, {"IDLE", "NOOP", "CHECK", "EXPUNGE", "CLOSE", "UNSELECT", "CAPABILITY", "NAMESPACE",
                           "ENABLE", "UID", "PURGE", "XMOVE"}) ||
             (verb == "STORE" && !has(upper(before), "LABELS")) ||
             (verb == "FETCH" && !has(upper(before), "HEADER.FIELDS"));
    case Lapse::OddMessage:
      return verb == "APPEND" && has_odd_message(upper(before));
    case Lapse::OddFlags:
      return has_odd_flags(upper(before));
    case Lapse::OddDate:
      return has_odd_date(upper(before));
    case Lapse::OddSection:
      return has_odd_section(upper(before));
    default:
      return false;
  }
}

void LenientUpstream::line() {
  const std::size_t close = command_.find_last_not_of(" \t");
  const std::size_t open = close == std::string::npos ? close : command_.rfind('{', close);
  if (open == std::string::npos || command_[close] != '}') return execute();
  std::string digits = command_.substr(open + 1, close - open - 1);
  const bool unasked = !digits.empty() && digits.back() == '+';
  if (unasked) digits.pop_back();
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return execute();
  if (unasked) violations_.push_back("a non-synchronising literal: " + command_);
  outside_.erase(outside_.rfind('{'));
  if (lapse_ == Lapse::Refusal || (lapse_ == Lapse::LateRefusal && has(outside_, "<MESSAGE>")))
    return refuse();
  if (loses_count(outside_)) {
    output_ += "+ go on\r\n";
    command_.clear();
    return;
  }
  literal_left_ = std::stoul(digits);
  // The text of a message stands behind at least a mailbox; only its frame counts.
  const std::vector<std::string> words = words_of(upper(command_));
  const std::size_t at = words.size() > 1 && words[1] == "UID" ? 2 : 1;
  const bool stores = words.size() > at && any_of(words[at], {"APPEND", "REPLACE"});
  // An empty message is refused, and with it the whole command (seen at Dovecot); nothing waits for a "+".
  if (stores && literal_left_ == 0 && has(command_, "<message>")) return refuse();
  literal_is_message_ = stores && words.size() > at + (words[at] == "APPEND" ? 2U : 3U);
  command_ += literal_is_message_ ? " <message> " : " ";
  if (outside_.ends_with('~')) outside_.pop_back();
  outside_ += literal_is_message_ ? "<MESSAGE>" : "#";
  output_ += "+ go on\r\n";
}

void LenientUpstream::refuse() {
  output_ += command_.substr(0, command_.find(' ')) + " NO not here\r\n";
  has_refused_part_ = has_refused_part_ || has(outside_, "<MESSAGE>");
  if (has_refused_part_) behind_refusal_ += input_;
  command_.clear();
}

void LenientUpstream::execute() {
  std::string text = std::move(command_);
  command_.clear();
  if (idle_) {
    idle_ = false;
    return;
  }
  const std::vector<std::string> words = words_of(text);
  if (words.size() < 2) {
    violations_.push_back("no command: " + text);
    return;
  }
  std::string verb = upper(words[1]);
  if (verb == "UID" && words.size() > 2) verb = upper(words[2]);
  frame_ = upper(text);
  Harm harm = judged(verb);
  harm.command = text;
  commands_.push_back(std::move(harm));
  output_ += answer(words[0], verb, frame_);
}

Harm LenientUpstream::judged(const std::string& verb) const {
  Harm harm;
  harm.verb = verb;
  const std::vector<std::string> words = words_of(frame_);
  const bool deletes = has(frame_, "DELETED");
  harm.inbox = has(frame_, " INBOX") || has(frame_, " \"INBOX\"") || has(frame_, "} INBOX");
  harm.to_trash = has(frame_, "TRASH") || has(frame_, "JUNK");
  const bool reads = any_of(
      verb, {"SELECT",    "EXAMINE", "NOOP",   "CAPABILITY", "LOGIN",    "LOGOUT",      "LIST",    "LSUB",
             "NAMESPACE", "STATUS",  "FETCH",  "SEARCH",     "UNSELECT", "ENABLE",      "ID",      "IDLE",
             "CHECK",     "SORT",    "THREAD", "GETACL",     "GETQUOTA", "GETMETADATA", "MYRIGHTS"});
  if (reads) return harm;
  if (verb == "CLOSE") {
    harm.destroys = harm.writes = selected_ && !read_only_;
    return harm;
  }
  harm.writes = true;
  if (any_of(verb, {"COPY", "CREATE", "SUBSCRIBE", "UNSUBSCRIBE"})) return harm;
  if (verb == "APPEND") {
    harm.destroys = deletes;
  } else if (verb == "STORE") {
    // Whatever is not plainly another flag, or a flag that is taken away.
    harm.destroys = deletes ? !has(frame_, "-FLAGS") : !has(frame_, "FLAGS");
  } else {
    harm.destroys = true;  // EXPUNGE, MOVE, …, and whatever it does not know
  }
  return harm;
}

std::string LenientUpstream::answer(const std::string& tag, const std::string& verb,
                                    const std::string& text) {
  const std::string ok = tag + " OK done\r\n";
  const std::string separator = std::string(separator_ == '\\' ? "\"\\" : "\"") + separator_ + "\"";
  if (verb == "LOGIN" || verb == "CAPABILITY")
    return "* CAPABILITY " + capabilities() + "\r\n" + tag + " OK in\r\n";
  if (verb == "NAMESPACE") return "* NAMESPACE ((\"\" " + separator + ")) NIL NIL\r\n" + ok;
  if (verb == "LIST" && has(text, "SPECIAL-USE")) return "* LIST (\\Trash) " + separator + " Trash\r\n" + ok;
  if (verb == "LIST") return "* LIST (\\Noselect) " + separator + " \"\"\r\n" + ok;
  if (verb == "SELECT" || verb == "EXAMINE") {
    selected_ = true;
    read_only_ = verb == "EXAMINE";
    return "* 3 EXISTS\r\n" + tag + (read_only_ ? " OK [READ-ONLY] in\r\n" : " OK [READ-WRITE] in\r\n");
  }
  if (verb == "CLOSE" || verb == "UNSELECT") selected_ = read_only_ = false;
  if (verb == "ENABLE") return "* ENABLED UTF8=ACCEPT\r\n" + ok;
  if (verb == "SEARCH") return "* SEARCH\r\n" + ok;
  if (verb == "STATUS") return "* STATUS x (MESSAGES 3)\r\n" + ok;
  if (verb == "LOGOUT") return "* BYE\r\n" + ok;
  if (verb == "IDLE") {
    idle_ = true;
    return "+ idling\r\n" + ok;
  }
  return ok;
}

}  // namespace postern::policy
