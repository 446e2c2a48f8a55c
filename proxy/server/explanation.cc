#include "server/explanation.h"

#include <algorithm>

#include "config/diagnostics.h"
#include "server/log_line.h"

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

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
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

class JsonWriter {
 public:
  JsonWriter& field(std::string_view key, std::string_view value) { return raw(key, json_string(value)); }
  JsonWriter& field(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonWriter& field(std::string_view key, const std::vector<std::string>& values) {
    std::string list;
    for (const std::string& value : values) list.append(list.empty() ? "" : ", ").append(json_string(value));
    return raw(key, "[" + list + "]");
  }
  JsonWriter& field(std::string_view key, const config::Rule* rule) {
    if (rule == nullptr) return raw(key, "null");
    return raw(key, JsonWriter()
                        .field("name", rule->name)
                        .field("action", name_of(rule->action))
                        .field("file", rule->mark.file)
                        .raw("line", std::to_string(rule->mark.line))
                        .take());
  }
  JsonWriter& raw(std::string_view key, const std::string& json) {
    out_.append(out_.empty() ? "" : ", ").append(json_string(key)).append(": ").append(json);
    return *this;
  }
  std::string take() const { return "{" + out_ + "}"; }

 private:
  std::string out_;
};

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
  std::string mailboxes;
  for (const ExplainedMailbox& mailbox : explanation.mailboxes) {
    JsonWriter one;
    if (mailbox.unknown)
      one.raw("mailbox", "null");
    else
      one.field("mailbox", mailbox.name);
    mailboxes.append(mailboxes.empty() ? "" : ", ")
        .append(one.field("selected", mailbox.selected)
                    .field("below", mailbox.below)
                    .field("result", name_of(mailbox.result))
                    .field("answer", mailbox.answer)
                    .field("rule", mailbox.rule)
                    .field("observed", mailbox.observed)
                    .take());
  }
  return JsonWriter()
             .field("result", name_of(explanation.result))
             .field("answer", explanation.answer)
             .field("meaning", explanation.meaning)
             .field("rule", explanation.rule)
             .field("observed", explanation.observed)
             .field("command", explanation.command)
             .field("classes", explanation.classes)
             .field("flags", explanation.flags)
             .field("user", explanation.user)
             .field("upstream", explanation.upstream)
             .raw("mailboxes", "[" + mailboxes + "]")
             .field("notes", explanation.notes)
             .take() +
         "\n";
}

}  // namespace postern::server
