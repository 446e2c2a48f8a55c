// One attempt to log in, from the client's LOGIN or AUTHENTICATE to the verdict it is told. It exists only
// while the attempt lasts; everything in it that may be a credential is a Secret and ends with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/secret.h"
#include "base/time.h"
#include "imap/capability.h"
#include "imap/sasl.h"
#include "imap/writer.h"
#include "session/login/upstream_setup.h"
#include "telemetry/cells.h"

namespace postern::session {

//   LOGIN ────────────────────────────────► Connecting ► Setup ► Sending ──────────► ServerTurn ─┬► Penalty ►
//   told NO AUTHENTICATE, client first ► ClientFirst ┘                      └► ServerTurn ⇄ ClientTurn ──┤
//   AUTHENTICATE, server first ─────────────► Connecting …                                       └►
//   … OK ► Seating ► AskCapability ► told OK
enum class LoginStage : std::uint8_t {
  ClientFirst,  // the gateway asked for the first response itself, to know the user before it dials
  Connecting,
  Setup,          // greeting, STARTTLS, capabilities of the upstream
  Sending,        // LOGIN with literals: "+" awaited between the chunks
  ServerTurn,     // a challenge or the verdict is awaited
  ClientTurn,     // a response is awaited
  Seating,        // accepted: a seat among the user's sessions is asked for
  AskCapability,  // logged in; the upstream did not volunteer its list
  Penalty,        // refused; the client is told when the Ledger says so
};

// Why an attempt goes no further, and what the client is told behind its tag.
struct LoginRefusal {
  ErrorCode code = ErrorCode::Ok;
  std::string answer;
};

struct LoginAttempt {
  std::string tag;
  imap::Mechanism mechanism = imap::Mechanism::Login;
  std::string mechanism_name;  // in capitals
  std::string user;            // rewritten; empty where the mechanism hides it
  bool judged = false;         // by the filters, under this name
  Secret password;             // LOGIN
  Secret initial;              // AUTHENTICATE: the client's first response, in base64
  bool has_initial = false;    // not yet sent upstream
  LoginStage stage = LoginStage::Connecting;
  std::optional<UpstreamSetup> setup;
  config::MasterLogin master;  // of the upstream at hand
  imap::SecretProgram program;
  std::size_t next_chunk = 0;
  bool credentials_sent = false;
  // The exchange was taken back, by the client's "*" or because of a line that cannot be passed on: what the
  // client is told, whatever the upstream says to it.
  std::optional<LoginRefusal> taken_back;
  imap::CapabilityList capabilities;
  bool knows_capabilities = false;
  std::string untagged;        // what the upstream said before its verdict, for the client afterwards
  bool untagged_line = false;  // the present response belongs there …
  bool alert_line = false;     // … and to the alerts
  std::string alerts;          // those of its lines that the client is told even if the login fails
  std::string verdict;         // the tagged line that the client is going to be told
  std::string upstream_code;   // the atom in the brackets of the upstream's refusal
  bool verdict_lists = false;  // … with the capabilities in it
  std::string capability_tag;
  Instant begun;
};

}  // namespace postern::session
