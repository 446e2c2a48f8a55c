// One record of each kind and outcome, and records that are as bad as a peer can make them: for the encoder,
// the schema and whoever reads lines.
#pragma once

#include <string>
#include <vector>

#include "audit/trail/json.h"
#include "record/audit_record.h"

namespace postern::audit {

inline constexpr std::int64_t kRecordTime = 1'795'248'063'000'042;  // 2026-11-21T08:01:03.000042Z

std::shared_ptr<const Connection> make_connection();
std::vector<Record> every_record();
// Each text of each record is `text`.
std::vector<Record> every_record_of(const std::string& text);

// A line without a seal.
std::string line_of(const Record& record, const Redaction* redaction = nullptr);

}  // namespace postern::audit
