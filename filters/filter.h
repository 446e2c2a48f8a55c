// The interface by which policy meets the stream. A filter sees commands and responses as values, never an
// octet stream, a socket or an SSL; it decides, and causes nothing: charges and records happen in on_verdict.
// One object of each filter for each session, owned by the session's Chain, called on its worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error_code.h"
#include "base/seats.h"
#include "base/time.h"
#include "base/tls_facts.h"
#include "filters/decision.h"
#include "filters/session_facts.h"
#include "imap/command.h"
#include "imap/mailbox_naming.h"
#include "imap/response.h"

namespace postern::filters {

struct SelectedMailbox {
  std::string name;  // the decoded argument, for MailboxNaming::canonical
  bool read_only = false;
};

// What the upstream has, once the client is logged in.
struct UpstreamAbilities {
  bool unselect = false;  // UNSELECT, also by IMAP4rev2
  bool esearch = false;   // SEARCH RETURN (COUNT)
  bool special_use = false;
  bool namespaces = false;
  bool uid_only = false;  // ENABLED: no message numbers (RFC 9586)
};

// Where mail goes to vanish, by the upstream's own word (RFC 6154): \Trash and \Junk.
struct SpecialMailboxes {
  bool known = false;              // it was asked and has answered
  std::vector<std::string> trash;  // as the upstream lists them, for MailboxNaming::canonical
};

struct Context {
  const SessionFacts& facts;
  const TlsFacts& tls;      // of the client's leg, as it is now
  const std::string& user;  // empty before login, and where the mechanism hides it
  bool logged_in = false;
  // How the upstream writes mailbox names, as far as it has told; for imap::mailboxes_of(command).
  const imap::MailboxNaming& naming = imap::kUnheardNaming;
  const SelectedMailbox* selected = nullptr;  // null: none
  UpstreamAbilities upstream = {};
  const SpecialMailboxes* special = nullptr;  // null: not asked (Needs::special_use)
  Instant now = {};
  Rewriting rewriting = Rewriting::None;  // what the filters before this one make of the command
};

// What became of a command, told once to every filter that the decision passed.
struct Verdict {
  bool forwarded = false;
  ErrorCode denied_by = ErrorCode::Ok;
};

// What a filter must know of the upstream before the first command of a session (protocol.md §3).
struct Needs {
  bool naming = false;       // the separator of mailbox names
  bool special_use = false;  // SpecialMailboxes
};

struct SessionSummary {
  ErrorCode end = ErrorCode::Ok;
  std::uint64_t commands = 0;
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual Decision on_tls(const Context&) { return Decision::pass(); }
  // At LOGIN (Verb::Login) or AUTHENTICATE, when the user's name is known (context.user) or known to be
  // hidden (empty), before credentials go upstream; where a mechanism shows the name only in its last
  // response, before that. Pass, Deny or Close.
  virtual Decision on_login(imap::Verb, const Context&) { return Decision::pass(); }
  // It wants a seat among its user's sessions to be asked for when the upstream has accepted the user.
  virtual bool wants_seat() const noexcept { return false; }
  // The upstream has said OK, which the client does not know yet. `seat`: what the Ledger has given; null:
  // the user has too many. Pass or Deny; denied, the upstream is left again and the client told.
  virtual Decision on_seat(std::shared_ptr<UserSeat>, const Context&) { return Decision::pass(); }
  // It is logged in: user, client, listener and TLS are settled from here on.
  virtual Needs on_logged_in(const Context&) { return {}; }
  // At the whole head of a command, before any of it is forwarded, and again at each later part of a
  // MULTIAPPEND or CATENATE, its end included (then `command.piece` is Later). Rewrite says how it is
  // changed.
  virtual Decision on_command(imap::Command&, const Context&) { return Decision::pass(); }
  // What came of the Question, before the same command is judged again by the filter that asked.
  virtual void on_answer(const Answer&, const Context&) {}
  virtual bool watches_responses() const noexcept {
    return false;
  }  // asked once: else on_response is never called
  virtual void on_response(const imap::Response&, const Context&) {}
  virtual void on_verdict(const imap::Command&, const Verdict&, const Context&) noexcept {}
  virtual void on_end(const SessionSummary&, const Context&) noexcept {}
};

}  // namespace postern::filters
