// The interface by which policy meets the stream. A filter sees commands and responses as values, never an
// octet stream, a socket or an SSL; it decides, and causes nothing: charges and records happen in on_verdict.
// One object of each filter for each session, owned by the session's Chain, called on its worker's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error_code.h"
#include "base/time.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/decision.h"
#include "imap/command.h"
#include "imap/mailbox_naming.h"
#include "imap/response.h"

namespace postern::filters {

// What is fixed for a session from its first moment; with a PROXY header, from the end of the header.
struct SessionFacts {
  std::string session_id;          // on every log line of the session
  std::string listener;            // its configured name
  std::size_t listener_index = 0;  // into Settings::listeners and WorkerCells::listeners
  config::ListenerTls tls = config::ListenerTls::Implicit;
  std::string client_address;  // without port; IPv4 where it is v4-mapped
  std::uint16_t client_port = 0;
  std::string connected_address;  // the one that the client connected to; empty where no upstream is told
  std::uint16_t connected_port = 0;
  bool trusted = false;  // client_address lies in the listener's trusted_proxies: its ID is believed
  // What a trusted proxy's ID told besides the addresses, which it has replaced; empty without one.
  std::string external_id;     // the session's name at that proxy
  std::string connected_name;  // what the client asked that proxy for (SNI)
};

// The server's name that the client asked for: by SNI, or by a trusted proxy's word. Untrusted octets.
inline const std::string& asked_name(const SessionFacts& facts, const TlsFacts& tls) noexcept {
  return facts.connected_name.empty() ? tls.sni : facts.connected_name;
}

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
  // The upstream has said OK, which the client does not know yet. Pass or Deny; denied, the upstream is left
  // again and the client told.
  virtual Decision on_accepted(const Context&) { return Decision::pass(); }
  // It is logged in: user, client, listener and TLS are settled from here on.
  virtual Needs on_logged_in(const Context&) { return {}; }
  // At the whole head of a command, before any of it is forwarded, and again at each later part of a
  // MULTIAPPEND or CATENATE, its end included (then `command.tag` is empty). Rewrite says how it is changed.
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
