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

// Where a parser stops to know what is a literal: it says "+" (or NO, where it says so) and takes the octets
// that follow for commands.
enum class Lapse {
  None,
  Backslash,    // outside of quotes a backslash takes the next octet along
  Parenthesis,  // one that closes nothing, or that stands in a word
  Quote,        // one in the middle of a word
  Brace,        // another one than the literal's
  Number,       // of more digits than its counter holds
  Control,      // a control character ends the line
  NoString,     // a verb that has no string there says "+" for reasons of its own, like IDLE
  OddMessage,   // APPEND with something that is neither flags nor a date
  OddFlags,     // … with something among its flags that is none
  OddDate,      // … with a date that is none
  OddSection,   // … with something else in CATENATE or UTF8 than what they have
  BehindBody,   // what stands behind the octets of a message is the next command
  Refusal,      // it refuses a literal, and then does not swallow it: NO
  LateRefusal,  // likewise, of an APPEND that it has a message of
};
// New ones at the end: the fuzzer's corpus names them by number.
inline constexpr Lapse kLapses[] = {Lapse::Backslash,  Lapse::Parenthesis, Lapse::Quote,    Lapse::Brace,
                                    Lapse::Number,     Lapse::Control,     Lapse::NoString, Lapse::OddMessage,
                                    Lapse::BehindBody, Lapse::Refusal,     Lapse::OddFlags, Lapse::OddDate,
                                    Lapse::OddSection, Lapse::LateRefusal};

class LenientUpstream {
 public:
  LenientUpstream(char separator, bool has_unselect, Lapse lapse = Lapse::None)
      : separator_(separator), unselect_(has_unselect), lapse_(lapse) {}

  std::string greeting() const { return "* OK [CAPABILITY " + capabilities() + "] ready\r\n"; }
  // What it says to these octets.
  std::string receive(const std::string& octets);

  const std::vector<Harm>& commands() const { return commands_; }
  const std::vector<std::string>& violations() const { return violations_; }  // what no server should see
  const std::string& received() const { return received_; }
  // What came behind its NO to a further part of an APPEND: for it that can be anything.
  const std::string& behind_refusal() const { return behind_refusal_; }

 private:
  std::string capabilities() const;
  void line();
  bool loses_count(const std::string& before) const;
  void refuse();
  void execute();
  std::string answer(const std::string& tag, const std::string& verb, const std::string& text);
  Harm judged(const std::string& verb) const;

  char separator_;
  bool unselect_;
  Lapse lapse_;
  bool behind_message_ = false;
  std::string message_tag_;
  std::string outside_;  // of the present command what stands outside of literals
  std::string received_;
  bool has_refused_part_ = false;
  std::string behind_refusal_;
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
