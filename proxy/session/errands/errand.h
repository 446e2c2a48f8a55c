// Commands of the gateway's own that are under way or have still to be sent, and what for (protocol.md §3,
// §6). It exists only until the last of them is answered; while it does, nothing of the client's is looked
// at.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/errands/own_answer.h"
#include "session/telling/audited_command.h"

namespace postern::session {

struct Errand {
  enum class Purpose : std::uint8_t {
    Learn,  // after login: how the upstream names mailboxes, and where its trash is
    Count,  // a filter's question about the command that is parked
    Leave,  // a CLOSE that may not expunge, of an upstream without UNSELECT
  };

  struct Step {
    OwnKind kind = OwnKind::Separator;
    std::vector<std::string> chunks;  // without tag and final CRLF; behind each but the last "+" is awaited
  };

  Purpose purpose = Purpose::Learn;
  std::vector<Step> steps;
  std::size_t step = 0;
  std::size_t next_chunk = 0;  // of the present step; 0: it has not been sent
  std::string tag;
  std::optional<OwnAnswer> answer;
  std::string client_tag;                        // Leave: of the CLOSE
  std::unique_ptr<AuditedCommand> audited = {};  // likewise
  bool line_taken = false;                       // the present response belongs to the answer
  bool read_only = false;                        // the step's OK said so
  bool abandoned = false;                        // the parked command has been refused: too slow
};

}  // namespace postern::session
