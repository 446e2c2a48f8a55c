#include "sim/sim_client.h"

#include <algorithm>
#include <cctype>

namespace postern::sim {
namespace {

// The end of the first response in `input`, literals included; npos if it is not complete. Status text and
// "+" lines are opaque.
std::size_t response_end(const std::string& input) {
  std::size_t from = 0;
  while (true) {
    const std::size_t end = input.find("\r\n", from);
    if (end == std::string::npos) return end;
    const bool numbered =
        input[0] == '*' && input.size() > 2 && std::isdigit(static_cast<unsigned char>(input[2]));
    const bool data = numbered || input.rfind("* ID (", 0) == 0;
    const std::size_t open = input.rfind('{', end);
    if (!data || input[end - 1] != '}' || open == std::string::npos || open < from) return end + 2;
    from = end + 2 + std::stoul(input.substr(open + 1));
    if (from > input.size()) return std::string::npos;
  }
}

}  // namespace

void SimClient::tls_started() {
  secure_ = true;
  starttls_agreed_ = false;
}

void SimClient::receive(const std::string& octets) {
  transcript_ += octets;
  input_ += octets;
  for (std::size_t end = response_end(input_); end != std::string::npos; end = response_end(input_)) {
    response(input_.substr(0, end));
    input_.erase(0, end);
  }
}

void SimClient::response(const std::string& whole) {
  if (whole.find(kPassword) != std::string::npos) violations_.push_back("the password came back: " + whole);
  // In a message, or what an upstream out of step makes one of, it is text.
  const bool is_message = whole.rfind("* ", 0) == 0 && std::isdigit(static_cast<unsigned char>(whole[2]));
  for (const char* hidden : {"COMPRESS", "X-SECRET", "UNAUTHENTICATE"})
    if (!is_message && whole.find(hidden) != std::string::npos)
      violations_.push_back("a hidden capability: " + whole);
  if (whole.rfind("* ", 0) == 0) {
    greeted_ = true;
    if (whole.rfind("* BYE", 0) == 0) saw_bye_ = true;
    return;
  }
  if (whole[0] == '+') {
    if (waits_plus_) {
      waits_plus_ = false;
    } else {
      violations_.push_back("a + that was not awaited: " + whole);
    }
    return;
  }
  const std::string tag = whole.substr(0, whole.find(' '));
  const auto found = open_.find(tag);
  if (found == open_.end()) {
    violations_.push_back("an answer to nothing: " + whole);
    return;
  }
  if (--found->second == 0) open_.erase(found);
  const bool ok = whole.compare(tag.size() + 1, 2, "OK") == 0;
  if (tag == "s1") starttls_agreed_ = ok;
  if (tag == "l1") logged_in_ = ok;
  if (current_ != nullptr && current_->tag == tag && open_.count(tag) == 0) {
    // Answered before all of it was said: refused in place of "+", or an IDLE that never began.
    current_ = nullptr;
    waits_plus_ = false;
    idling_ = false;
  }
}

bool SimClient::may_send_ahead() const {
  std::size_t open = 0;
  for (const auto& entry : open_) open += static_cast<std::size_t>(entry.second);
  return open < script_.pipeline;
}

void SimClient::act() {
  if (saw_bye_ || !greeted_ || starttls_agreed_ || waits_plus_) return;
  if (idling_) {
    output_ += "DONE\r\n";  // the "+" has come
    idling_ = false;
    current_ = nullptr;
    return;
  }
  if (current_ != nullptr) return say_part();
  begin_next();
}

void SimClient::begin_next() {
  if (!secure_) {
    if (!open_.empty()) return;
    if (script_.clear_text_login && !clear_login_sent_) {
      clear_login_sent_ = true;
      open_["c1"] = 1;
      output_ += "c1 LOGIN alice wrong-place\r\n";
      return;
    }
    if (starttls_sent_) return;
    starttls_sent_ = true;
    open_["s1"] = 1;
    output_ += "s1 STARTTLS\r\n";
    return;
  }
  if (!logged_in_) {
    if (next_login_ == script_.login.size() || !open_.empty()) return;
    current_ = &script_.login[next_login_++];
  } else {
    if (next_command_ >= script_.commands.size() || !may_send_ahead()) return;
    current_ = &script_.commands[next_command_++];
  }
  ++open_[current_->tag];
  current_part_ = 0;
  say_part();
}

void SimClient::say_part() {
  const Part& part = current_->parts[current_part_++];
  output_ += part.octets;
  if (part.waits) {
    waits_plus_ = true;
    return;
  }
  if (current_->idle) {
    idling_ = waits_plus_ = true;
    return;
  }
  current_ = nullptr;
}

bool SimClient::finished() const {
  return logged_in_ && next_command_ == script_.commands.size() && current_ == nullptr && open_.empty();
}

}  // namespace postern::sim
