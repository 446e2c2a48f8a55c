// A simulated client: follows its script as a correct client does (waits for "+", pipelines, reads literals)
// and keeps account of what it was answered.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/script.h"

namespace postern::sim {

class SimClient {
 public:
  explicit SimClient(const Script& script) : script_(script) {}

  void tls_started();                       // STARTTLS or the implicit handshake is done
  void receive(const std::string& octets);  // what the gateway said
  std::string& output() { return output_; }
  void act();  // says what it may say now

  bool wants_tls() const { return starttls_agreed_; }
  bool finished() const;  // everything was said and answered
  const std::string& transcript() const { return transcript_; }
  const std::vector<std::string>& violations() const { return violations_; }
  const std::map<std::string, int>& open_tags() const { return open_; }
  bool saw_bye() const { return saw_bye_; }

 private:
  void response(const std::string& whole);
  void begin_next();
  void say_part();
  bool may_send_ahead() const;

  const Script& script_;
  bool secure_ = false;
  bool greeted_ = false;
  bool starttls_sent_ = false;
  bool starttls_agreed_ = false;
  bool logged_in_ = false;
  bool clear_login_sent_ = false;
  bool saw_bye_ = false;
  std::size_t next_login_ = 0;  // of script_.login
  std::size_t next_command_ = 0;
  const ScriptedCommand* current_ = nullptr;
  std::size_t current_part_ = 0;
  bool waits_plus_ = false;
  bool idling_ = false;
  std::map<std::string, int> open_;  // tags that are not completed, with how often they are in use
  std::string input_;
  std::string output_;
  std::string transcript_;
  std::vector<std::string> violations_;
};

}  // namespace postern::sim
