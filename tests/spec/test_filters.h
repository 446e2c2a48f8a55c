// Filters that stand in for policy in the dialogues: one that denies or closes, one that denies by the
// canonical names of mailboxes, one that holds like the audit trail's recorder, and at the end one that
// counts what became of commands.
#pragma once

#include <string>
#include <vector>

#include "filters/filter.h"

namespace postern::spec {

struct FilterCounts {
  int judged = 0;     // commands and later parts that came through the whole chain
  int forwarded = 0;  // verdicts
  int denied = 0;
  int ends = 0;
};

using Names = std::vector<std::string>;  // verbs in capitals; "*" is every verb

class Denier final : public filters::Filter {
 public:
  Denier(Names denied, Names closed, std::string text)
      : denied_(std::move(denied)), closed_(std::move(closed)), text_(std::move(text)) {}
  filters::Decision on_command(imap::Command& command, const filters::Context& context) override;

 private:
  Names denied_;
  Names closed_;
  std::string text_;  // denied wherever a command or a later part has it
};

// Denies what names one of the mailboxes, in any of the readings, and what cannot be read.
class MailboxDenier final : public filters::Filter {
 public:
  explicit MailboxDenier(Names mailboxes) : mailboxes_(std::move(mailboxes)) {}
  filters::Decision on_command(imap::Command& command, const filters::Context& context) override;

 private:
  Names mailboxes_;  // canonical; none: everything passes
};

// Denies logins by user names; "hidden" is one that the mechanism hides.
class UserDenier final : public filters::Filter {
 public:
  UserDenier(Names denied, Names closed) : denied_(std::move(denied)), closed_(std::move(closed)) {}
  filters::Decision on_login(imap::Verb, const filters::Context& context) override;

 private:
  Names denied_;
  Names closed_;
};

class Recorder final : public filters::Filter {
 public:
  Recorder(Names held, bool parts) : held_(std::move(held)), parts_(parts) {}
  filters::Decision on_command(imap::Command& command, const filters::Context& context) override;

 private:
  Names held_;
  bool parts_;  // every later part of a command that names one
};

class Witness final : public filters::Filter {
 public:
  explicit Witness(FilterCounts& counts) : counts_(counts) {}
  filters::Decision on_command(imap::Command&, const filters::Context&) override;
  void on_verdict(const imap::Command&, const filters::Verdict& verdict,
                  const filters::Context&) noexcept override;
  void on_end(const filters::SessionSummary&, const filters::Context&) noexcept override { ++counts_.ends; }

 private:
  FilterCounts& counts_;
};

}  // namespace postern::spec
