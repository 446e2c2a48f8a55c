// What goes into a Session and what comes out of it, besides octets: two closed variants. The Relay carries
// them out and reports; nothing else does.
//
//   who      what                when
//   Relay →  Dialling            the next candidate is being dialled, without having been asked for
//   Relay →  UpstreamConnected   a dial asked for by Connect succeeded (TCP is up, nothing was sent)
//   Relay →  UpstreamFailed      no (further) candidate could be reached, or the dial was not allowed
//   Relay →  TlsReady            the handshake asked for by StartTls, or the implicit one, is done
//   Relay →  EndOfFile           that side will send no more octets
//   Relay →  Failed              that side's connection or TLS is broken
//   Relay →  Answered            the answer to an Ask action; one that nobody waits for is let go of
//   Relay →  Penalty             the answer to LoginResult{Failure}: how long the client waits for its NO
//   Relay →  Drain               the process is to end: say BYE at the next boundary
//   Relay →  Refused             whom a trusted proxy speaks for may not be here now: BYE [LIMIT]
//   → Relay  Connect             credentials are here: dial the upstream for this user
//   → Relay  ClientKnown         a trusted proxy has told by ID whom it speaks for
//   → Relay  StartTls            flush that side's output in clear, then put the TLS engine in
//   → Relay  Ask                 the gateway's own services are asked (session/ask.h): answer by Answered
//   → Relay  Forget              that is not waited for any more: no Answered is wanted
//   → Relay  Recorded            something happened that the audit trail tells
//   → Relay  PolicyDecision      what a rule or a limit refused or changed, or would have: for the log
//   → Relay  LoginResult         the upstream's verdict, for the Ledger and the log
//   → Relay  Disconnect          close the upstream leg alone (a failed login)
//   → Relay  Close               flush what can be flushed, then close both legs; nothing follows
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/error_code.h"
#include "base/side.h"
#include "base/time.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/filter.h"
#include "imap/sasl.h"
#include "record/audit_trail.h"
#include "session/ask.h"
#include "telemetry/cells.h"

namespace postern::session {

struct Dialling {};
struct UpstreamConnected {
  config::UpstreamTls tls = config::UpstreamTls::Off;
  bool send_id = false;  // upstreams[].send_id: it is told by ID whom the gateway speaks for
  config::MasterLogin master = {};
};
struct UpstreamFailed {
  ErrorCode code = ErrorCode::UpstreamDown;
};
struct TlsReady {
  Side side = Side::Client;
  TlsFacts facts;
};
struct EndOfFile {
  Side side = Side::Client;
  bool truncated = false;  // TLS ended without close_notify
};
struct Failed {
  Side side = Side::Client;
  ErrorCode code = ErrorCode::ClientReset;
};
struct Answered {
  std::uint64_t id = 0;
  asked::Answer answer;
};
struct Penalty {
  Duration delay{};
};
struct Drain {};
struct Refused {
  ErrorCode code = ErrorCode::TooManyClientSessions;
};

using Event = std::variant<Dialling, UpstreamConnected, UpstreamFailed, TlsReady, EndOfFile, Failed, Answered,
                           Penalty, Drain, Refused>;

struct Connect {
  std::string user;   // empty: the mechanism hides it
  bool next = false;  // the candidate dialled last failed by `failed` before credentials were sent to it
  ErrorCode failed = ErrorCode::Ok;
  std::string_view clock = {};  // that struck, if it failed by one; see Fault
};
// The client is a trusted proxy's: these take the place of the session's facts, for the Ledger, routes and
// logs.
struct ClientKnown {
  filters::SessionFacts facts;
  std::string proxy_address;  // whose word it is
};
struct StartTls {
  Side side = Side::Client;
};
struct Ask {
  std::uint64_t id = 0;
  asked::Question question;
};
struct Forget {
  std::uint64_t id = 0;
  std::unique_ptr<audit::Record> instead = {};  // the outcome of an intent that may be on its way to the disk
};
// Without connection and time, which the Relay knows.
struct Recorded {
  std::unique_ptr<audit::Record> record;
  AuditRoom room = AuditRoom::Ordinary;
};
struct LoginResult {
  std::string user;
  imap::Mechanism mechanism = imap::Mechanism::Login;
  telemetry::AuthResult result = telemetry::AuthResult::Failure;
  ErrorCode code = ErrorCode::Ok;
  std::string upstream_code = {};  // the atom in the brackets of the upstream's refusal
  Duration duration{};             // from the client's command to the verdict
  std::string_view clock = {};     // that struck, if there is no verdict because of one; see Fault
  std::string_view turn = {};
};
struct PolicyDecision {
  filters::RuleHits rules;
  filters::Ruling ruling = filters::Ruling::Pass;
  ErrorCode code = ErrorCode::Ok;
  filters::Rewriting rewriting = filters::Rewriting::None;
  imap::Verb verb = imap::Verb::Unknown;
  bool uid = false;
  std::string user;     // as far as it is known; empty: hidden, or before login
  std::string mailbox;  // canonical: the one that is named last, or the selected one; empty: none
};
struct Disconnect {};
struct Close {
  ErrorCode reason = ErrorCode::Ok;
  bool clean = true;  // false: in the middle of a response, so no close_notify towards the client
};

using Action = std::variant<Connect, ClientKnown, StartTls, Ask, Forget, Recorded, PolicyDecision,
                            LoginResult, Disconnect, Close>;

// What lies between a session and the kernel.
struct Backlog {
  std::array<std::size_t, 2> unsent{};  // by Side: octets taken from output() that the kernel has not taken
  bool held_back = false;               // by our own pace neither side is read at the moment
};

// Why a session ended, for its one log line. `excerpt` quotes only what may be quoted: the upstream's octets,
// or a client's after login; never what may have been a credential.
struct Fault {
  ErrorCode code = ErrorCode::Ok;
  Side side = Side::Client;
  std::uint64_t offset = 0;        // octets of that side before the fault
  std::string_view expected = {};  // a constant
  std::string excerpt = {};        // at most 16 octets
  std::string_view clock = {};     // the one that struck, if one did, as the configuration has it, …
  std::string_view turn = {};      // … and who was to act: "client", "upstream" or "gateway"
};

}  // namespace postern::session
