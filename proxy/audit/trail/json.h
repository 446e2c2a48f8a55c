// A record as one JSON object on one line, the trail's native form (config/audit.schema.json is its schema).
// Whatever stands in a record, the line is at most kLineBytes of printable UTF-8: every text is cut at its
// own bound (a cut text ends in "...") and escaped by EscapeStyle::Record: an octet that is no UTF-8 is read
// back as the four characters \xNN, made visible. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "record/audit_record.h"

namespace postern::audit {

inline constexpr std::size_t kLineBytes = 32 * 1024;
inline constexpr int kSchemaVersion = 1;

class Redaction;

struct Envelope {
  std::uint64_t sequence = 0;
  std::string_view node;                 // host's name
  std::string_view instance;             // stands for the session in the ids of the process's own records
  const Redaction* redaction = nullptr;  // null: nothing is replaced
};

// Appends the object without its closing brace: what seals the line stands behind it.
void append_json(std::string& out, const Record& record, const Envelope& envelope);

// "command.intent", "session.open", …
std::string_view event_name(const Record& record) noexcept;
inline constexpr std::size_t kEvents = 18;
std::string_view event_name(std::size_t event) noexcept;  // 0 to kEvents - 1, for metrics
std::size_t event_index(const Record& record) noexcept;

}  // namespace postern::audit
