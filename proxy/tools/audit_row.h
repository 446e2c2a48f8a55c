// One line of the trail as `postern audit cat` and `tail` show it, and which lines are asked for. Whatever
// stands in a file, nothing of it reaches a terminal but printable characters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/trail/redaction.h"
#include "base/result.h"
#include "tools/audit_command.h"

namespace postern::server {

// Of a trail that is redacted: names that are asked for are hashed as well, with the key in `state_path`.
class AuditFilter {
 public:
  // `now`: Unix time in microseconds. The error says which option is wrong.
  static Result<AuditFilter> make(const AuditQuestion& question, std::int64_t now_us);

  struct Facts {
    std::string_view time;
    std::string_view user;
    std::string_view session;
    std::string_view event;
    std::string_view mailbox;
    std::string_view target;
    const std::vector<std::string>* classes = nullptr;
  };
  bool wants(const Facts& facts) const;

 private:
  bool wants_mailbox(const Facts& facts) const;

  std::string user_;
  std::string user_hash_;
  std::string mailbox_;
  std::string mailbox_hash_;
  std::string class_;
  std::string event_;
  std::string session_;
  std::string since_;  // as a record writes it; empty: no bound
  std::string until_;
};

// RFC 3339 (a date alone is its midnight in UTC), or a duration ago ("2h"). In Unix microseconds.
std::optional<std::int64_t> parse_moment(std::string_view text, std::int64_t now_us);

// Lines in, rows out.
class AuditView {
 public:
  AuditView(AuditFilter filter, bool json) : filter_(std::move(filter)), json_(json) {}

  std::string heading() const;  // empty for JSON
  // What is to be shown for this line: nothing, or lines with their ends. An intent is shown as soon as it is
  // known that no outcome follows. Sets `broken` if the line is no record.
  std::string show(std::string_view line, bool& broken);
  std::string rest();  // at the end: the intents without outcome

 private:
  static constexpr std::size_t kHeldMost = 10'000;
  std::string take_held();

  AuditFilter filter_;
  bool json_;
  std::map<std::string, std::string> held_;  // rows of intents by their id
};

}  // namespace postern::server
