#include "tools/audit_row.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "audit/trail/disk.h"
#include "audit/trail/state.h"
#include "base/escape.h"
#include "config/match.h"
#include "config/scalars.h"
#include "imap/verb.h"

namespace postern::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kCellMost = 512;

struct Column {
  std::string_view heading;
  std::size_t width;
};
constexpr std::array<Column, 6> kColumns{
    {{"TIME", 27}, {"USER", 18}, {"CLIENT", 16}, {"OUTCOME", 8}, {"GONE", 5}, {"WHAT", 0}}};

using Cells = std::array<std::string, kColumns.size()>;

// Empty if there is none, or it is no text.
std::string text_at(const Json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number() || found->is_boolean() ? found->dump() : std::string();
}

const Json& object_at(const Json& object, std::string_view key) {
  static const Json kNone = Json::object();
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : kNone;
}

std::vector<std::string> texts_at(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (const Json& one : *found)
    if (one.is_string()) out.push_back(one.get<std::string>());
  return out;
}

std::string row_of(const Cells& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::string cell;
    append_escaped(cell, cells[i].empty() ? "-" : cells[i], EscapeStyle::Terminal, {.taken = kCellMost * 4});
    out += cell;
    if (i + 1 == cells.size()) break;
    // Continuation octets of UTF-8 take no room of their own.
    const auto shown = static_cast<std::size_t>(std::count_if(
        cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
    out.append(std::max(kColumns[i].width, shown + 1) - shown, ' ');
  }
  return out += '\n';
}

void add(std::string& words, const std::string& word, std::string_view before = " ",
         std::string_view behind = {}) {
  if (!word.empty()) words.append(words.empty() ? std::string_view() : before).append(word).append(behind);
}

std::string command_words(const Json& record) {
  std::string out = text_at(record, "uid") == "true" ? "UID " : "";
  out += text_at(record, "name");
  add(out, text_at(record, "set"));
  add(out, text_at(record, "mailbox"));
  add(out, text_at(record, "target"), " -> ");
  add(out, text_at(record, "flags"));
  add(out, text_at(record, "sent_as"), " (sent as ", ")");
  add(out, text_at(record, "result"), ": ");
  add(out, text_at(record, "code"), " [", "]");
  for (const char* const key : {"copyuid", "appenduid"}) {
    const Json& uids = object_at(record, key);
    add(out, text_at(uids, "destination"), std::string(" ") + key + " " + text_at(uids, "source") + "=");
  }
  return out;
}

// Of all other events: the members that are its own, in their order.
std::string other_words(const Json& record) {
  static constexpr std::array<std::string_view, 12> kCommon{
      "ts", "seq", "event", "v", "id", "session", "conn", "node", "outcome", "reason", "prev", "hash"};
  std::string out = text_at(record, "event");
  add(out, text_at(record, "reason"));
  for (const auto& [key, value] : record.items()) {
    if (key == "user" || std::find(kCommon.begin(), kCommon.end(), key) != kCommon.end()) continue;
    add(out, (value.is_string() ? value.get<std::string>() : value.dump()), " " + key + "=");
  }
  return out;
}

Cells cells_of(const Json& record) {
  Cells cells;
  cells[0] = text_at(record, "ts");
  cells[1] = text_at(record, "user");
  cells[2] = text_at(object_at(record, "conn"), "client_ip");
  cells[3] = text_at(record, "outcome");
  const std::string event = text_at(record, "event");
  if (const auto gone = record.find("expunged_seen"); gone != record.end())
    cells[4] = gone->is_null() ? "?" : text_at(record, "expunged_seen");
  if (event == "command") {
    cells[5] = command_words(record);
    add(cells[5], text_at(record, "reason"), ": ");
  } else if (event == "command.intent") {
    cells[3] = "unknown";
    cells[4] = "?";
    cells[5] = command_words(record) + ": begun, no outcome recorded";
  } else {
    cells[5] = other_words(record);
  }
  return cells;
}

// The line itself, unless something in it could steer a terminal.
std::string json_row(std::string_view line, const Json& record) {
  std::string out;
  append_escaped(out, line, EscapeStyle::Terminal);
  if (out != line) out = record.dump(-1, ' ', true, Json::error_handler_t::replace);
  return out += '\n';
}

std::optional<std::int64_t> digits(std::string_view& rest, std::size_t width, std::string_view behind) {
  std::int64_t value = 0;
  if (rest.size() < width + behind.size()) return std::nullopt;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + width, value);
  if (error != std::errc() || end != rest.data() + width || value < 0) return std::nullopt;
  rest.remove_prefix(width);
  if (!rest.starts_with(behind)) return std::nullopt;
  rest.remove_prefix(behind.size());
  return value;
}

// What stands behind the seconds: a fraction, and Z or the distance from UTC.
std::optional<std::int64_t> fraction_and_zone(std::string_view rest) {
  std::int64_t us = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    std::int64_t unit = 100'000;
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') return std::nullopt;
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; unit /= 10, rest.remove_prefix(1))
      us += (rest[0] - '0') * unit;
  }
  if (rest == "Z" || rest == "z") return us;
  if (rest.empty() || (rest[0] != '+' && rest[0] != '-')) return std::nullopt;
  const std::int64_t sign = rest[0] == '+' ? -1 : 1;
  rest.remove_prefix(1);
  const auto hours = digits(rest, 2, ":");
  const auto minutes = hours ? digits(rest, 2, "") : std::nullopt;
  if (!minutes || !rest.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return us + sign * (*hours * 60 + *minutes) * 60'000'000;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 4, "-");
  const auto month = year ? digits(text, 2, "-") : std::nullopt;
  const auto day = month ? digits(text, 2, "") : std::nullopt;
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t midnight = std::chrono::sys_days(date).time_since_epoch().count() * 86'400'000'000;
  if (text.empty()) return midnight;
  if (text[0] != 'T' && text[0] != 't' && text[0] != ' ') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = digits(text, 2, ":");
  const auto minutes = hours ? digits(text, 2, ":") : std::nullopt;
  const auto seconds = minutes ? digits(text, 2, "") : std::nullopt;
  const auto rest = seconds ? fraction_and_zone(text) : std::nullopt;
  if (!rest || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  return midnight + ((*hours * 60 + *minutes) * 60 + *seconds) * 1'000'000 + *rest;
}

Error wrong(std::string what) { return {ErrorCode::ConfigInvalid, std::move(what)}; }

Result<std::string> moment(const std::string& option, const std::string& text, std::int64_t now_us) {
  if (text.empty()) return std::string();
  const std::optional<std::int64_t> us = parse_moment(text, now_us);
  if (!us)
    return wrong(option + ": '" + text +
                 "' is no time: 2026-11-21T14:00:00Z, 2026-11-21, or 2h for two hours ago");
  std::string out;
  append_timestamp(out, *us, 6);
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_moment(std::string_view text, std::int64_t now_us) {
  if (const std::optional<Duration> ago = config::parse_duration(text))
    return now_us - std::chrono::duration_cast<std::chrono::microseconds>(*ago).count();
  return parse_rfc3339(text);
}

Result<AuditFilter> AuditFilter::make(const AuditQuestion& question, std::int64_t now_us) {
  AuditFilter filter;
  filter.user_ = question.user;
  filter.mailbox_ = equals_ignoring_case(question.mailbox, "INBOX") ? "INBOX" : question.mailbox;
  filter.class_ = question.command_class;
  filter.event_ = question.event;
  filter.session_ = question.session;
  if (!filter.class_.empty() && imap::effect::class_bit(filter.class_) == 0)
    return wrong("--class: '" + filter.class_ + "' is none of read, write, destructive, auth, admin");
  Result<std::string> since = moment("--since", question.since, now_us);
  if (!since) return since.error();
  Result<std::string> until = moment("--until", question.until, now_us);
  if (!until) return until.error();
  filter.since_ = std::move(*since);
  filter.until_ = std::move(*until);
  if (question.state.empty()) return filter;
  const Result<audit::State> state = audit::read_state(*audit::make_posix_disk(), question.state);
  if (!state) return state.error();
  const audit::Redaction redaction(state->redaction_key, {});
  if (!filter.user_.empty()) filter.user_hash_ = redaction.hash("user", filter.user_);
  if (!filter.mailbox_.empty()) filter.mailbox_hash_ = redaction.hash("mailbox", filter.mailbox_);
  return filter;
}

bool AuditFilter::wants_mailbox(const Facts& facts) const {
  if (mailbox_.empty()) return true;
  const auto is_it = [this](std::string_view name) {
    return !name.empty() &&
           (name == mailbox_hash_ || config::matches_glob(mailbox_, name, config::Case::Exact));
  };
  return is_it(facts.mailbox) || is_it(facts.target);
}

bool AuditFilter::wants(const Facts& facts) const {
  if (!since_.empty() && facts.time < since_) return false;
  if (!until_.empty() && facts.time > until_) return false;
  if (!event_.empty() && !config::matches_glob(event_, facts.event, config::Case::Exact)) return false;
  if (!session_.empty() && facts.session != session_) return false;
  if (!user_.empty() &&
      (facts.user.empty() ||
       (facts.user != user_hash_ && !config::matches_glob(user_, facts.user, config::Case::Ignored))))
    return false;
  if (!class_.empty() && (facts.classes == nullptr || std::find(facts.classes->begin(), facts.classes->end(),
                                                                class_) == facts.classes->end()))
    return false;
  return wants_mailbox(facts);
}

std::string AuditView::heading() const {
  if (json_) return {};
  Cells cells;
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = kColumns[i].heading;
  return row_of(cells);
}

std::string AuditView::show(std::string_view line, bool& broken) {
  const Json record = Json::parse(line.begin(), line.end(), nullptr, false);
  broken = !record.is_object();
  if (broken) return {};
  const std::string event = text_at(record, "event");
  const std::string id = text_at(record, "id");
  std::string out;
  if (event == "audit.start") out = take_held();  // whose outcomes will never come
  if (event == "command") held_.erase(id);
  const std::string time = text_at(record, "ts"), user = text_at(record, "user"),
                    session = text_at(record, "session"), mailbox = text_at(record, "mailbox"),
                    target = text_at(record, "target");
  const std::vector<std::string> classes = texts_at(record, "class");
  if (!filter_.wants({time, user, session, event, mailbox, target, &classes})) return out;
  if (json_) return out += json_row(line, record);
  const bool held = event == "command.intent" && held_.size() < kHeldMost;
  if (!held) return out += row_of(cells_of(record));
  held_[id] = row_of(cells_of(record));
  return out;
}

std::string AuditView::take_held() {
  std::string out;
  for (const auto& [id, row] : held_) out += row;
  held_.clear();
  return out;
}

std::string AuditView::rest() { return take_held(); }

}  // namespace postern::server
