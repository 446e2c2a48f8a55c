// Brings a fresh upstream connection to the point where credentials may be sent: greeting, STARTTLS, and the
// capabilities as they are then (protocol.md §2, "On the upstream leg"), and by ID whom the gateway speaks
// for. The same machine serves a login and the health probe. Pure: octets in, octets and needs out; any octet
// behind the tagged OK of STARTTLS, a NO, a stripped STARTTLS or a PREAUTH greeting fails it; there is no
// fall-back. It sends one command at a time: what stands behind a command in the same octets may get lost
// (Courier), and an ID may end the connection (Cyrus 3.6), which must not cost the credentials.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/error_code.h"
#include "base/octets.h"
#include "config/settings.h"
#include "imap/capability.h"
#include "imap/response_scanner.h"

namespace postern::session {

enum class SetupStep : std::uint8_t { NeedInput, StartTls, Ready, Failed };

class UpstreamSetup {
 public:
  // `tag_stem`: random text, from which the tags of its own commands are made. `id`: the argument of an ID,
  // sent as the last command, inside of TLS if there is any, to an upstream that lists ID; what it answers is
  // of no interest. Empty: none.
  UpstreamSetup(config::UpstreamTls tls, std::string tag_stem, std::string id = {});

  // With implicit TLS the first step is StartTls, before any input.
  SetupStep begin();
  // Consumes from the front of `in`, all of it but what stands behind the step Ready: that belongs to whoever
  // goes on with the connection. What is to be sent stands in output() afterwards.
  SetupStep input(Octets& in);
  SetupStep tls_ready();  // after StartTls was carried out

  std::string& output() noexcept { return output_; }  // taken and cleared by the caller
  const imap::CapabilityList& capabilities() const noexcept { return capabilities_; }
  ErrorCode error() const noexcept { return error_; }
  // When Ready: whoever goes on with the connection goes on with its scanner, which may hold half a line.
  imap::ResponseScanner take_scanner() noexcept { return std::move(scanner_); }
  // It has said that it is there: nothing but its slowness can keep the login from going on.
  bool is_greeted() const noexcept { return phase_ != Phase::ImplicitTls && phase_ != Phase::Greeting; }
  // What was sent and received, as an operator reads it: "sent starttls, received greeting".
  std::string state() const;

 private:
  enum class Phase : std::uint8_t {
    ImplicitTls,
    Greeting,
    PlainCapability,
    Starttls,
    Handshake,
    Capability,
    Id,
    Ready,
    Failed
  };

  SetupStep on_response();
  SetupStep on_greeting();
  SetupStep on_tagged();
  SetupStep ask_capability(Phase phase);
  SetupStep after_capabilities();
  SetupStep identify();
  SetupStep fail(ErrorCode code);
  void learn_from_response();
  const std::string& tag() const noexcept { return tag_stem_; }

  config::UpstreamTls tls_;
  Phase phase_ = Phase::Greeting;
  std::string tag_stem_;
  std::string id_;
  imap::ResponseScanner scanner_;
  imap::CapabilityList capabilities_;
  std::string output_;
  const char* sent_ = "nothing";
  const char* received_ = "nothing";
  ErrorCode error_ = ErrorCode::Ok;
  bool knows_capabilities_ = false;
  std::uint64_t untagged_ = 0;
};

}  // namespace postern::session
