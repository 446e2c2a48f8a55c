// A client as it should be, in front of a Session with the product's own filters: it waits for "+" where it
// announced a literal that asks for it. Behind the session stands the lenient upstream.
#pragma once

#include <string>

#include "imap/mailbox_naming.h"
#include "policy/lenient_upstream.h"
#include "spec/stage.h"

namespace postern::policy {

class Client {
 public:
  Client(const spec::Setting& setting, const spec::Way& way, char separator, bool has_unselect,
         Lapse lapse = Lapse::None);

  void log_in();  // as fred, by the tag l1
  // A command without its last line end; to its answer, or to the end of the session.
  void say(const std::string& tag, const std::string& command);
  // All of it at once, waiting for nothing.
  void blurt(const std::string& octets);

  bool is_answered(const std::string& tag, const std::string& with);
  bool upstream_got(const std::string& command) const;  // as a line
  spec::Stage& stage() { return stage_; }
  const LenientUpstream& upstream() const { return upstream_; }
  const imap::MailboxNaming& naming() const { return naming_; }  // as the upstream has told

 private:
  void pump();
  void learn(const std::string& answer);

  LenientUpstream upstream_;
  spec::Stage stage_;
  imap::MailboxNaming naming_;
};

// Commands and rules in one line, for messages.
std::string in_one_line(std::string text);

}  // namespace postern::policy
