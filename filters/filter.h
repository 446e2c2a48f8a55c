// The interface by which policy meets the stream. A filter sees commands and responses as values, never an
// octet stream, a socket or an SSL; it decides, and causes nothing: charges and records happen in on_verdict.
// One object of each filter for each session, owned by the session's Chain, called on its worker's thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error_code.h"
#include "base/tls_facts.h"
#include "config/settings.h"
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

struct Context {
  const SessionFacts& facts;
  const TlsFacts& tls;      // of the client's leg, as it is now
  const std::string& user;  // empty before login, and where the mechanism hides it
  bool logged_in = false;
  // How the upstream writes mailbox names, as far as it has told; for imap::mailboxes_of(command).
  const imap::MailboxNaming& naming = imap::kUnheardNaming;
};

enum class Ruling : std::uint8_t { Pass, Deny, Rewrite, Hold, Close };
enum class HoldReason : std::uint8_t { None, Record, RingFull, Separator, Count, Lookup };

struct Decision {
  Ruling ruling = Ruling::Pass;
  ErrorCode code = ErrorCode::Ok;       // Deny and Close: the row gives text and label
  std::string_view response_code = {};  // "PRIVACYREQUIRED", "NOPERM", …; a constant (RFC 5530)
  std::string text = {};                // empty: the row's text
  HoldReason hold = HoldReason::None;

  static Decision pass() { return {}; }
  static Decision deny(ErrorCode code, std::string_view response_code, std::string text = {}) {
    return {Ruling::Deny, code, response_code, std::move(text), HoldReason::None};
  }
  static Decision wait(HoldReason reason) { return {Ruling::Hold, ErrorCode::Ok, {}, {}, reason}; }
  static Decision close(ErrorCode code) { return {Ruling::Close, code, {}, {}, HoldReason::None}; }
};

// What became of a command, told once to every filter that the decision passed.
struct Verdict {
  bool forwarded = false;
  ErrorCode denied_by = ErrorCode::Ok;
};

struct SessionSummary {
  ErrorCode end = ErrorCode::Ok;
  std::uint64_t commands = 0;
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual Decision on_tls(const Context&) { return Decision::pass(); }
  // At the whole head of a command, before any of it is forwarded, and again at each later part of a
  // MULTIAPPEND or CATENATE (then `command.tag` is empty). Rewrite: the value was edited.
  virtual Decision on_command(imap::Command&, const Context&) { return Decision::pass(); }
  virtual bool watches_responses() const noexcept {
    return false;
  }  // asked once: else on_response is never called
  virtual void on_response(const imap::Response&, const Context&) {}
  virtual void on_verdict(const imap::Command&, const Verdict&, const Context&) noexcept {}
  virtual void on_end(const SessionSummary&, const Context&) noexcept {}
};

}  // namespace postern::filters
