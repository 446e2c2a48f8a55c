// What a filter may say about a command, and what it may ask of the upstream first. Values; pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_code.h"
#include "base/time.h"
#include "imap/response.h"

namespace postern::filters {

enum class Ruling : std::uint8_t { Pass, Deny, Rewrite, Hold, Ask, Delay, Close };

// How a command is changed; the session writes it anew.
enum class Rewriting : std::uint8_t {
  None,
  Examine,   // SELECT becomes EXAMINE
  KeepMail,  // CLOSE that may not expunge (protocol.md §6)
};

// A command of the gateway's own, asked while a client's is held (protocol.md §6): how many messages are
// meant. Asked with nothing else pending; its answer is not shown to the client.
struct Question {
  enum class Kind : std::uint8_t {
    Matches,   // SEARCH, with RETURN (COUNT) or without, or UID SEARCH: how many match
    Messages,  // STATUS … (MESSAGES)
  };
  Kind kind = Kind::Matches;
  // Without tag and final CRLF; each chunk but the last ends in `{n}CRLF`, and behind it "+" is awaited.
  std::vector<std::string> chunks;
};
struct Answer {
  imap::Status status = imap::Status::None;  // of the tagged line; None: there was none in time
  std::optional<std::uint64_t> count;
};

// Which of `rules` decided, and what a rule on trial (mode: observe) would have decided: indices.
struct RuleHits {
  static constexpr std::int32_t kNone = -1;
  std::int32_t decided = kNone;
  std::int32_t observed = kNone;
};

struct Decision {
  Ruling ruling = Ruling::Pass;
  ErrorCode code = ErrorCode::Ok;       // Deny and Close: the row gives text and label
  std::string_view response_code = {};  // "PRIVACYREQUIRED", "NOPERM", …; a constant (RFC 5530)
  std::string text = {};                // empty: the row's text
  Rewriting rewriting = Rewriting::None;
  RuleHits rules = {};
  std::shared_ptr<const Question> question = {};  // Ask
  Instant until = {};                             // Delay

  // Of a Deny, behind the tag: "NO [NOPERM] text".
  std::string answer() const {
    return no_answer(response_code, text.empty() ? row_of(code).client : std::string_view(text));
  }

  static Decision pass() { return {}; }
  static Decision deny(ErrorCode code, std::string_view response_code, std::string text = {}) {
    Decision decision;
    decision.ruling = Ruling::Deny;
    decision.code = code;
    decision.response_code = response_code;
    decision.text = std::move(text);
    return decision;
  }
  static Decision rewrite(Rewriting rewriting) {
    Decision decision;
    decision.ruling = Ruling::Rewrite;
    decision.rewriting = rewriting;
    return decision;
  }
  // The command goes on behind this filter when the gateway's services grant it (asked::Record, without one).
  static Decision wait() {
    Decision decision;
    decision.ruling = Ruling::Hold;
    return decision;
  }
  static Decision ask(Question question) {
    Decision decision;
    decision.ruling = Ruling::Ask;
    decision.question = std::make_shared<const Question>(std::move(question));
    return decision;
  }
  // The command goes on behind this filter at `until`; nothing behind it is read before.
  static Decision delay(Instant until) {
    Decision decision;
    decision.ruling = Ruling::Delay;
    decision.until = until;
    return decision;
  }
  static Decision close(ErrorCode code) {
    Decision decision;
    decision.ruling = Ruling::Close;
    decision.code = code;
    return decision;
  }
};

}  // namespace postern::filters
