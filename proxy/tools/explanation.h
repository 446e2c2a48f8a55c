// What `postern explain` has found out, and its two forms. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/rule.h"

namespace postern::server {

enum class ExplainedResult : std::uint8_t {
  Allowed,       // forwarded as it is
  Rewritten,     // … as another command
  Counted,       // … if the brake grants it: the messages are counted first
  Refused,       // answered NO or BAD
  Disconnected,  // the session ends
  LoginRefused,  // it does not get as far as the command
  NoHandshake,   // … nor to the login
};
std::string_view name_of(ExplainedResult result) noexcept;  // "allowed", "login_refused"

// Rules are null where none has the say.
struct ExplainedMailbox {
  std::string name;  // canonical; empty: the rules were asked about no mailbox
  bool selected = false;
  bool unknown = false;  // one that nobody can name
  bool below = false;    // those below the name
  ExplainedResult result = ExplainedResult::Allowed;
  std::string answer;
  const config::Rule* rule = nullptr;
  const config::Rule* observed = nullptr;
};

struct Explanation {
  ExplainedResult result = ExplainedResult::Allowed;
  std::string answer;   // what the client is told: "NO [NOPERM] …"; empty: what the upstream says
  std::string meaning;  // a sentence behind the result, perhaps empty
  const config::Rule* rule = nullptr;      // that decides
  const config::Rule* observed = nullptr;  // on trial: it would have decided
  std::string user;                        // after rewrite.user
  bool user_rewritten = false;
  std::string upstream;
  std::string command;  // "UID STORE", or what a malformed one begins with
  std::vector<std::string> classes;
  std::vector<std::string> flags;
  std::vector<ExplainedMailbox> mailboxes;
  std::vector<std::string> notes;
};

std::string text_of(const Explanation& explanation);
std::string json_of(const Explanation& explanation);

}  // namespace postern::server
