// A simulated upstream that executes and records. Its parser is written independently of the gateway's and is
// as naive as a server may be: a line is a command, `{n}` at its end is a literal if it says "+", and if it
// refuses, the next octet starts a new command (so a literal that is sent all the same is executed).
// Deterministic: what it answers depends on the seed and on the command alone, never on timing. With faults
// it loses step once: rubbish, another's answer, an answer twice, a literal of another size than announced.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace postern::sim {

class ReferenceUpstream {
 public:
  ReferenceUpstream(std::uint64_t seed, bool faults) : seed_(seed), faults_(faults) {}

  void connect();  // a fresh connection: greets
  void receive(const std::string& octets);
  bool burst();  // much to say to a client in IDLE; nothing to others
  std::string& output() { return output_; }

  const std::string& received() const { return received_; }  // every octet, for the lenient parsers
  const std::vector<std::string>& commands() const { return commands_; }
  const std::vector<std::string>& violations() const { return violations_; }
  // The tags of the uploads that it has taken whole and answered by OK.
  const std::vector<std::string>& accepted() const { return accepted_; }
  bool is_in_body() const { return literal_left_ > 0; }
  bool logged_out() const { return logged_out_; }

 private:
  void line_complete();
  void execute();
  void answer(const std::string& tag, const std::string& verb, std::uint64_t dice);
  void lose_step(const std::string& tag, std::uint64_t dice);
  std::uint64_t dice(const std::string& text) const;
  // Some have no ID.
  std::string capabilities() const {
    return std::string("IMAP4rev1 IDLE ENABLE CONDSTORE") + (seed_ % 3 == 0 ? "" : " ID");
  }

  std::uint64_t seed_;
  bool faults_;
  std::string input_;
  std::string command_;  // the present one, literals included
  std::string output_;
  std::string received_;
  std::vector<std::string> commands_;
  std::vector<std::string> accepted_;
  std::vector<std::string> violations_;
  std::size_t literal_left_ = 0;
  bool ends_in_nothing_ = false;  // the last literal of the command had no octets
  bool idling_ = false;
  bool authenticating_ = false;
  bool lost_step_ = false;
  std::string idle_tag_;
  bool logged_out_ = false;
};

}  // namespace postern::sim
