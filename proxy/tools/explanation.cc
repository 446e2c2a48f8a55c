#include "tools/explanation.h"

#include <algorithm>

#include "base/joined.h"
#include "base/json_writer.h"
#include "config/diagnostics.h"

namespace postern::server {
namespace {

std::string place_of(const config::Rule& rule) {
  return config::in_quotes(rule.name) + " (" + config::place_text(rule.mark) + ")";
}

std::string result_text(ExplainedResult result, const std::string& answer) {
  std::string words(name_of(result));
  std::replace(words.begin(), words.end(), '_', ' ');
  return answer.empty() ? words : words + ": " + answer;
}

std::string mailbox_text(const ExplainedMailbox& mailbox) {
  if (mailbox.unknown) return "any, as it cannot be told which";
  if (mailbox.name.empty() && !mailbox.selected) return mailbox.below ? "every mailbox" : "none";
  return config::in_quotes(mailbox.name) + (mailbox.selected ? ", selected"
                                            : mailbox.below  ? ", below it"
                                                             : "");
}

class TextWriter {
 public:
  void line(std::string_view label, const std::string& value) {
    constexpr std::size_t kColumn = 10;
    out_.append(label).append(kColumn - std::min(label.size(), kColumn - 1), ' ').append(value).append("\n");
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

constexpr JsonWriter::Layout kSpaced = JsonWriter::Layout::Spaced;

void add_rule(JsonWriter& json, std::string_view key, const config::Rule* rule) {
  json.key(key);
  if (rule == nullptr) {
    json.null();
    return;
  }
  json.object(kSpaced).text("name", rule->name).text("action", name_of(rule->action));
  json.text("file", rule->mark.file).number("line", static_cast<std::uint64_t>(rule->mark.line)).end();
}

void add_mailbox(JsonWriter& json, const ExplainedMailbox& mailbox) {
  json.object(kSpaced).key("mailbox");
  mailbox.unknown ? json.null() : json.text(mailbox.name);
  json.boolean("selected", mailbox.selected).boolean("below", mailbox.below);
  json.text("result", name_of(mailbox.result)).text("answer", mailbox.answer);
  add_rule(json, "rule", mailbox.rule);
  add_rule(json, "observed", mailbox.observed);
  json.end();
}

}  // namespace

std::string_view name_of(ExplainedResult result) noexcept {
  constexpr std::string_view kNames[] = {"allowed",      "rewritten",     "counted",     "refused",
                                         "disconnected", "login_refused", "no_handshake"};
  return kNames[static_cast<std::size_t>(result)];
}

std::string text_of(const Explanation& explanation) {
  TextWriter out;
  if (!explanation.command.empty()) {
    std::string command = config::in_quotes(explanation.command);
    if (!explanation.classes.empty()) command += ", " + joined(explanation.classes);
    if (!explanation.flags.empty()) command += ", names " + joined(explanation.flags);
    out.line("command", command);
  }
  if (!explanation.user.empty())
    out.line("user", config::in_quotes(explanation.user) +
                         (explanation.user_rewritten ? ", as rewrite.user makes it" : ""));
  if (!explanation.upstream.empty()) out.line("upstream", config::in_quotes(explanation.upstream));
  for (const ExplainedMailbox& mailbox : explanation.mailboxes) {
    std::string text = mailbox_text(mailbox) + ": " + result_text(mailbox.result, mailbox.answer);
    if (mailbox.rule != nullptr) text += ", by " + place_of(*mailbox.rule);
    if (mailbox.observed != nullptr)
      text += "; on trial: " + std::string(name_of(mailbox.observed->action)) + " by " +
              place_of(*mailbox.observed);
    out.line("mailbox", text);
  }
  out.line("result", result_text(explanation.result, explanation.answer));
  if (!explanation.meaning.empty()) out.line("", explanation.meaning);
  out.line("rule", explanation.rule == nullptr ? "none" : place_of(*explanation.rule));
  if (explanation.observed != nullptr)
    out.line("on trial", std::string(name_of(explanation.observed->action)) + " by " +
                             place_of(*explanation.observed) + ", which is counted and does nothing");
  for (const std::string& note : explanation.notes) out.line("note", note);
  return out.take();
}

std::string json_of(const Explanation& explanation) {
  std::string out;
  JsonWriter json(out);
  json.object(kSpaced).text("result", name_of(explanation.result)).text("answer", explanation.answer);
  json.text("meaning", explanation.meaning);
  add_rule(json, "rule", explanation.rule);
  add_rule(json, "observed", explanation.observed);
  json.text("command", explanation.command);
  json.key("classes").texts(explanation.classes, kSpaced).key("flags").texts(explanation.flags, kSpaced);
  json.text("user", explanation.user).text("upstream", explanation.upstream);
  json.key("mailboxes").list(kSpaced);
  for (const ExplainedMailbox& mailbox : explanation.mailboxes) add_mailbox(json, mailbox);
  json.end().key("notes").texts(explanation.notes, kSpaced).end();
  return out += '\n';
}

}  // namespace postern::server
