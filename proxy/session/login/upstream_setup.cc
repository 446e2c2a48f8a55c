#include "session/login/upstream_setup.h"

#include <optional>
#include <utility>

#include "session/login/capability_line.h"

namespace postern::session {
namespace {

// A server that sends more lines than this before it answers one command is not setting anything up.
constexpr std::uint64_t kUntaggedLinesMax = 100;

}  // namespace

UpstreamSetup::UpstreamSetup(config::UpstreamTls tls, std::string tag_stem, std::string id)
    : tls_(tls), tag_stem_(std::move(tag_stem)), id_(std::move(id)) {}

SetupStep UpstreamSetup::begin() {
  if (tls_ != config::UpstreamTls::Implicit) return SetupStep::NeedInput;
  phase_ = Phase::ImplicitTls;
  return SetupStep::StartTls;
}

SetupStep UpstreamSetup::tls_ready() {
  if (phase_ == Phase::ImplicitTls) {
    phase_ = Phase::Greeting;
    return SetupStep::NeedInput;
  }
  // RFC 9051 §6.2.1: what was learned in clear text is forgotten.
  capabilities_.clear();
  knows_capabilities_ = false;
  return ask_capability(Phase::Capability);
}

SetupStep UpstreamSetup::input(Octets& in) {
  if (phase_ == Phase::Failed) return SetupStep::Failed;
  if (phase_ == Phase::Ready) return SetupStep::Ready;
  SetupStep step = SetupStep::NeedInput;
  while (!in.empty()) {
    // Octets before TLS that nobody asked for: injected, or a server that speaks out of turn.
    if (phase_ == Phase::Handshake || phase_ == Phase::ImplicitTls) return fail(ErrorCode::UpstreamStarttls);
    const imap::ResponseEvent event = scanner_.next(in);
    if (event == imap::ResponseEvent::NeedMore) break;
    if (event == imap::ResponseEvent::Malformed)
      return fail(phase_ == Phase::Greeting ? ErrorCode::UpstreamGreeting : scanner_.error());
    if (event == imap::ResponseEvent::More) continue;
    step = on_response();
    if (step == SetupStep::Failed || step == SetupStep::Ready) return step;
    if (step == SetupStep::StartTls) {
      // RFC 9051 §6.2.1, CVE-2020-14954: nothing may stand behind the tagged OK.
      if (!in.empty() || !scanner_.at_boundary()) return fail(ErrorCode::UpstreamStarttls);
      return step;
    }
  }
  return step;
}

SetupStep UpstreamSetup::on_response() {
  const imap::Response& response = scanner_.response();
  if (phase_ == Phase::Greeting) return on_greeting();
  if (response.kind == imap::ResponseKind::Tagged) return on_tagged();
  if (++untagged_ > kUntaggedLinesMax) return fail(ErrorCode::UpstreamMalformed);
  if (response.kind == imap::ResponseKind::Continuation) return fail(ErrorCode::UpstreamMalformed);
  if (response.status == imap::Status::Bye) return fail(ErrorCode::UpstreamBye);
  learn_from_response();
  return phase_ == Phase::Ready ? SetupStep::Ready : SetupStep::NeedInput;
}

SetupStep UpstreamSetup::on_greeting() {
  const imap::Response& response = scanner_.response();
  received_ = "greeting";
  if (response.kind != imap::ResponseKind::Untagged) return fail(ErrorCode::UpstreamGreeting);
  // RFC 9051 §11.3: a PREAUTH greeting would log every client in as whoever the upstream thinks we are.
  if (response.status == imap::Status::Preauth) return fail(ErrorCode::UpstreamPreauth);
  if (response.status == imap::Status::Bye) return fail(ErrorCode::UpstreamBye);
  if (response.status != imap::Status::Ok) return fail(ErrorCode::UpstreamGreeting);
  learn_from_response();
  if (tls_ != config::UpstreamTls::Starttls)
    return knows_capabilities_ ? after_capabilities() : ask_capability(Phase::Capability);
  if (!knows_capabilities_) return ask_capability(Phase::PlainCapability);
  return after_capabilities();
}

SetupStep UpstreamSetup::on_tagged() {
  const imap::Response& response = scanner_.response();
  if (response.tag != tag()) return fail(ErrorCode::UpstreamUnknownTag);
  const bool ok = response.status == imap::Status::Ok;
  switch (phase_) {
    case Phase::PlainCapability:
    case Phase::Capability:
      received_ = "capability";
      if (!ok) return fail(ErrorCode::UpstreamMalformed);
      if (!knows_capabilities_) learn_from_response();
      return after_capabilities();
    case Phase::Starttls:
      received_ = "starttls";
      if (!ok) return fail(ErrorCode::UpstreamStarttls);
      phase_ = Phase::Handshake;
      return SetupStep::StartTls;
    case Phase::Id:
      // OK or not: who will not be told is dealt with as one that has no ID.
      received_ = "id";
      phase_ = Phase::Ready;
      return SetupStep::Ready;
    case Phase::ImplicitTls:
    case Phase::Greeting:
    case Phase::Handshake:
    case Phase::Ready:
    case Phase::Failed:
      break;
  }
  return fail(ErrorCode::UpstreamUnknownTag);
}

SetupStep UpstreamSetup::ask_capability(Phase phase) {
  phase_ = phase;
  tag_stem_ += 'c';
  output_ += tag() + " CAPABILITY\r\n";
  sent_ = "capability";
  return SetupStep::NeedInput;
}

SetupStep UpstreamSetup::after_capabilities() {
  if (phase_ == Phase::Greeting || phase_ == Phase::Capability) {
    if (tls_ != config::UpstreamTls::Starttls || phase_ == Phase::Capability) {
      if (!knows_capabilities_) return fail(ErrorCode::UpstreamMalformed);
      return identify();
    }
  }
  // The list in clear text is only good for this: is STARTTLS offered? A stripped one is not worked around.
  if (!imap::has_capability(capabilities_, "STARTTLS")) return fail(ErrorCode::UpstreamStarttls);
  phase_ = Phase::Starttls;
  tag_stem_ += 's';
  output_ += tag() + " STARTTLS\r\n";
  sent_ = "starttls";
  return SetupStep::NeedInput;
}

SetupStep UpstreamSetup::identify() {
  if (id_.empty() || !imap::has_capability(capabilities_, "ID")) {
    phase_ = Phase::Ready;
    return SetupStep::Ready;
  }
  phase_ = Phase::Id;
  tag_stem_ += 'i';
  output_ += tag() + " ID " + std::exchange(id_, {}) + "\r\n";
  sent_ = "id";
  return SetupStep::NeedInput;
}

SetupStep UpstreamSetup::fail(ErrorCode code) {
  phase_ = Phase::Failed;
  error_ = code;
  return SetupStep::Failed;
}

void UpstreamSetup::learn_from_response() {
  const std::optional<Octets> list = listed_capabilities(scanner_.response(), scanner_.octets());
  if (!list) return;
  capabilities_ = imap::parse_capabilities(*list);
  knows_capabilities_ = true;
}

std::string UpstreamSetup::state() const { return std::string("sent ") + sent_ + ", received " + received_; }

}  // namespace postern::session
