// A recording upstream whose parser has nothing in common with the gateway's and takes whatever a lenient
// server could take for a command: what is a deletion to it, no restriction may let through. It works on the
// octets that it got, answers everything by OK, and says of each command what harm it does.
#pragma once

#include <string>
#include <vector>

namespace postern::policy {

struct Harm {
  std::string command;    // as received, literals included
  std::string verb;       // in capitals
  bool destroys = false;  // mail can be gone afterwards
  bool writes = false;    // a mailbox changes
  bool inbox = false;     // names INBOX first: RENAME empties it
  bool to_trash = false;
};

class LenientUpstream {
 public:
  LenientUpstream(char separator, bool has_unselect) : separator_(separator), unselect_(has_unselect) {}

  std::string greeting() const { return "* OK [CAPABILITY " + capabilities() + "] ready\r\n"; }
  // What it says to these octets.
  std::string receive(const std::string& octets);

  const std::vector<Harm>& commands() const { return commands_; }
  const std::vector<std::string>& violations() const { return violations_; }  // what no server should see
  const std::string& received() const { return received_; }

 private:
  std::string capabilities() const;
  void line();
  void execute();
  std::string answer(const std::string& tag, const std::string& verb, const std::string& text);
  Harm judged(const std::string& verb) const;

  char separator_;
  bool unselect_;
  std::string received_;
  std::string input_;
  std::string command_;  // the present one, without the octets of its literals that are messages
  std::string frame_;    // the same, literals as they are: what a message's octets say does not count
  std::string output_;
  std::size_t literal_left_ = 0;
  bool literal_is_message_ = false;
  bool selected_ = false;
  bool read_only_ = false;
  bool idle_ = false;
  std::vector<Harm> commands_;
  std::vector<std::string> violations_;
};

}  // namespace postern::policy
