#include "sim/reference_upstream.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace postern::sim {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// The n of a `{n}` at the end of a line; -1 if there is none, -2 for anything but digits.
long literal_at_end(const std::string& line) {
  if (line.empty() || line.back() != '}') return -1;
  const std::size_t open = line.rfind('{');
  if (open == std::string::npos) return -1;
  if (line.find('"', open) != std::string::npos) return -1;
  const std::string digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.empty() ||
      !std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }))
    return -2;
  return std::stol(digits);
}

}  // namespace

void ReferenceUpstream::connect() {
  input_.clear();
  command_.clear();
  literal_left_ = 0;
  idling_ = authenticating_ = false;
  output_ += "* OK [CAPABILITY " + capabilities() + " COMPRESS=DEFLATE AUTH=PLAIN] ready\r\n";
}

bool ReferenceUpstream::burst() {
  if (!idling_) return false;
  for (int i = 4; i < 20'000; ++i) output_ += "* " + std::to_string(i) + " EXISTS\r\n";
  return true;
}

std::uint64_t ReferenceUpstream::dice(const std::string& text) const {
  std::uint64_t hash = seed_ ^ 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash >> 7;
}

void ReferenceUpstream::receive(const std::string& octets) {
  received_ += octets;
  input_ += octets;
  while (!input_.empty()) {
    if (literal_left_ > 0) {
      const std::size_t n = std::min(literal_left_, input_.size());
      command_ += input_.substr(0, n);
      input_.erase(0, n);
      literal_left_ -= n;
      continue;
    }
    const std::size_t end = input_.find('\n');
    if (end == std::string::npos) return;
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (line.empty() || line.back() != '\r') {
      violations_.push_back("a bare LF: " + line);
    } else {
      line.pop_back();
    }
    command_ += line;
    line_complete();
  }
}

void ReferenceUpstream::line_complete() {
  const long literal = idling_ || authenticating_ ? -1 : literal_at_end(command_);
  if (literal == -2) violations_.push_back("not a synchronising literal: " + command_);
  if (literal < 0) return execute();
  const std::string tag = command_.substr(0, command_.find(' '));
  if (dice(command_) % 6 == 0) {
    // Refused instead of "+": whatever comes now is a new command.
    commands_.push_back(command_ + " (refused)");
    output_ += tag + " NO [OVERQUOTA] refused\r\n";
    command_.clear();
    return;
  }
  command_ += "\r\n";
  literal_left_ = static_cast<std::size_t>(literal);
  ends_in_nothing_ = literal == 0;
  output_ += "+ go ahead {7}\r\n";
}

void ReferenceUpstream::execute() {
  const std::string command = command_;
  command_.clear();
  const bool ends_in_nothing = std::exchange(ends_in_nothing_, false);
  if (authenticating_) {
    authenticating_ = false;
    commands_.push_back("SASL");
    output_ += idle_tag_ + " OK [CAPABILITY " + capabilities() + "] in\r\n";
    return;
  }
  if (idling_) {
    idling_ = false;
    if (command != "DONE") violations_.push_back("not DONE: " + command);
    output_ += idle_tag_ + " OK idled\r\n";
    return;
  }
  commands_.push_back(command);
  const std::size_t space = command.find(' ');
  if (space == std::string::npos || space == 0) {
    violations_.push_back("not a command: " + command);
    return;
  }
  const std::string rest = command.substr(space + 1);
  const std::string verb = upper(rest.substr(0, rest.find(' ')));
  if (verb == "APPEND" && ends_in_nothing) {  // RFC 3502 §6.3.11: it is taken back, and all before it
    output_ += command.substr(0, space) + " NO taken back\r\n";
    return;
  }
  answer(command.substr(0, space), verb, dice(command));
}

void ReferenceUpstream::answer(const std::string& tag, const std::string& verb, std::uint64_t dice) {
  if (faults_ && !lost_step_ && dice % 40 == 0) lose_step(tag, dice / 40);
  if (verb == "LOGIN") {
    output_ += "* CAPABILITY " + capabilities() + " COMPRESS=DEFLATE UNAUTHENTICATE\r\n" + tag + " OK in\r\n";
  } else if (verb == "ID") {
    output_ += "* ID (\"name\" {3}\r\nsim)\r\n" + tag + (dice % 4 == 0 ? " NO who?\r\n" : " OK pleased\r\n");
  } else if (verb == "AUTHENTICATE") {
    authenticating_ = true;
    idle_tag_ = tag;
    output_ += "+ \r\n";
  } else if (verb == "IDLE") {
    if (dice % 5 == 0) {
      output_ += tag + " NO no idling today\r\n";
      return;
    }
    idling_ = true;
    idle_tag_ = tag;
    output_ += "+ idling\r\n* 3 EXISTS\r\n";
  } else if (verb == "LOGOUT") {
    output_ += "* BYE see you\r\n" + tag + " OK done\r\n";
    logged_out_ = true;
  } else if (verb == "CAPABILITY") {
    output_ +=
        "* CAPABILITY " + capabilities() + " X-SECRET-EXTENSION COMPRESS=DEFLATE\r\n" + tag + " OK\r\n";
  } else {
    output_ += "* OK status text with a {5}\r\n";
    if (dice % 3 == 0) output_ += "* 1 FETCH (FLAGS () BODY[] {23}\r\nt1 OK fake answer\r\n+ \r\n)\r\n";
    if (dice % 7 == 0) output_ += "+ nobody asked\r\n";
    if (dice % 11 == 0) output_ += "* " + std::string(3000, 'x') + "\r\n";
    const char* results[] = {" OK done", " NO cannot", " OK [READ-ONLY] done", " BAD what"};
    output_ += tag + results[dice % 4] + "\r\n";
    if (verb == "APPEND" && std::string(results[dice % 4]).starts_with(" OK")) accepted_.push_back(tag);
  }
}

// What comes behind it may be taken in any way but one: as somebody's answer.
void ReferenceUpstream::lose_step(const std::string& tag, std::uint64_t dice) {
  lost_step_ = true;
  const std::string faults[] = {"\x16\x03\x01 what\r\n",
                                "zz9 OK somebody else's\r\n",
                                tag + " OK done\r\n",
                                "* 1 FETCH (BODY[] {3}\r\nhello)\r\n",
                                "* 1 FETCH (BODY[] {9}\r\nhello)\r\n",
                                "* 1 FETCH (BODY[] {500}\r\nhello)\r\n"};
  output_ += faults[dice % 6];
}

}  // namespace postern::sim
