#include "spec/audit_double.h"

#include <array>

namespace postern::testing {
namespace {

std::string number(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "null";
}

std::string text_of(const audit::Command& command) {
  constexpr std::array kResults{"none", "ok", "no", "bad", "lost"};
  std::string out = (command.uid ? " UID " : " ") + command.name;
  const auto add = [&out](const char* key, std::string_view value) {
    if (!value.empty()) out.append(" ").append(key).append("=").append(value);
  };
  add("mailbox", command.mailbox);
  add("target", command.target);
  add("set", command.set);
  add("flags", command.flags);
  add("sent-as", command.sent_as);
  if (command.literal_bytes > 0) add("literal", std::to_string(command.literal_bytes));
  if (command.removes) add("expected", number(command.expected));
  if (command.intent) return out;
  add("result", kResults[static_cast<std::size_t>(command.result)]);
  add("code", command.code);
  if (command.removes) add("removed", number(command.removed));
  if (command.uids)
    add("uids", command.uids->validity + "/" + command.uids->source + "/" + command.uids->destination +
                    (command.uids->cut ? "/cut" : ""));
  add("bytes", number(command.bytes_out));
  return out;
}

}  // namespace

std::string text_of(const audit::Record& record) {
  constexpr std::array kOutcomes{"success", "failure", "denied", "error"};
  std::string out;
  if (const auto* command = std::get_if<audit::Command>(&record.body))
    out = (command->intent ? "command.intent" : "command") + text_of(*command);
  if (const auto* id = std::get_if<audit::ClientId>(&record.body))
    out =
        "client.id name=" + id->name + " version=" + id->version + " vendor=" + id->vendor + " os=" + id->os;
  out += " n=" + std::to_string(record.number) + " user=" + record.user;
  out += std::string(" outcome=") + kOutcomes[static_cast<std::size_t>(record.outcome)];
  if (!record.reason.empty()) out.append(" reason=").append(record.reason);
  return out;
}

}  // namespace postern::testing
