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

}  // namespace

std::string LenientUpstream::capabilities() const {
  return std::string(
             "IMAP4rev1 NAMESPACE SPECIAL-USE MOVE UIDPLUS ENABLE UTF8=ACCEPT BINARY CATENATE MULTIAPPEND ") +
         "REPLACE ACL RIGHTS=kxte QUOTA METADATA CONDSTORE X-GM-EXT-1 ESEARCH SEARCHRES ID IDLE" +
         (unselect_ ? " UNSELECT" : "");
}

std::string LenientUpstream::receive(const std::string& octets) {
  received_ += octets;
  input_ += octets;
  output_.clear();
  while (!input_.empty()) {
    if (literal_left_ > 0) {
      const std::size_t taken = std::min(literal_left_, input_.size());
      if (!literal_is_message_) command_ += input_.substr(0, taken);
      input_.erase(0, taken);
      literal_left_ -= taken;
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
    command_ += text;
    line();
  }
  return output_;
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
  literal_left_ = std::stoul(digits);
  // The text of a message stands behind at least a mailbox; only its frame counts.
  const std::vector<std::string> words = words_of(upper(command_));
  const std::size_t at = words.size() > 1 && words[1] == "UID" ? 2 : 1;
  const bool stores = words.size() > at && any_of(words[at], {"APPEND", "REPLACE"});
  // An empty message is refused, and with it the whole command (seen at Dovecot); nothing waits for a "+".
  if (stores && literal_left_ == 0 && has(command_, "<message>")) {
    output_ += command_.substr(0, command_.find(' ')) + " NO no empty messages\r\n";
    command_.clear();
    return;
  }
  literal_is_message_ = stores && words.size() > at + (words[at] == "APPEND" ? 2U : 3U);
  command_ += literal_is_message_ ? " <message> " : " ";
  output_ += "+ go on\r\n";
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
