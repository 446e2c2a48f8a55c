// Every way in which something of Postern's can fail or end, in one flat table. A row says how loud the log
// is, which label the metric carries, what a client is told, and what the audit trail calls it. Nothing else
// in the house maps errors to words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

// The label `reason` of postern_sessions_closed_total; a closed set.
enum class CloseReason : std::uint8_t {
  Logout,
  ClientEof,
  ClientError,
  UpstreamEof,
  UpstreamError,
  IdleTimeout,
  AuthTimeout,
  Policy,
  Drain,
  ProtocolError,
  Internal,
  kCount,
};
std::string_view name_of(CloseReason reason) noexcept;

enum class ErrorCode : std::uint8_t {
  Ok,
  // how sessions end
  Logout,
  Drained,
  ClientClosed,
  ClientReset,
  ClientTruncated,  // TCP ended without close_notify
  UpstreamClosed,
  UpstreamReset,
  UpstreamTruncated,
  UpstreamBye,
  HandshakeTimeout,
  LoginTimeout,
  IdleTimeout,
  UpstreamSilent,
  ClientStalled,  // it reads nothing of what is queued for it
  UpstreamStalled,
  // the client broke the protocol
  MalformedCommand,
  BareCarriageReturn,
  NulOctet,
  MalformedLiteral,
  UnclosedQuote,
  LineTooLong,
  LiteralTooLarge,
  SaslTooLong,
  TooManyErrors,
  NotImap,            // an HTTP verb or rubbish first
  StarttlsInjection,  // octets behind STARTTLS
  EarlyLiteral,       // octets of a synchronising literal before its +
  IdleViolation,
  // the upstream broke the protocol
  UpstreamGreeting,
  UpstreamPreauth,
  UpstreamStarttls,
  UpstreamMalformed,
  UpstreamUnknownTag,
  UpstreamLineTooLong,
  AppendRefused,  // a further message or part of an APPEND, whose first ones it has
  // the upstream cannot be had
  UpstreamDown,
  UpstreamRefused,
  UpstreamConnectTimeout,
  UpstreamDns,
  UpstreamTls,
  UpstreamCertificate,
  UpstreamLoginTimeout,
  UpstreamProxyHeader,  // the client's address cannot be told to it by a PROXY header
  // policy and login
  PrivacyRequired,
  AuthenticationFailed,
  AuthorizationFailed,
  NoMasterUser,
  LoginThrottled,
  Cannot,
  ProxyLoop,  // x-proxy-ttl has run out
  NoPermission,
  HoldExpired,
  AuditUnavailable,       // what must be recorded cannot be
  TooManySessions,        // of one user
  TooManyClientSessions,  // of one client network
  Brake,                  // limits.deletions is reached
  BrakeUncounted,         // nobody could say how many messages would vanish
  PolicyClose,
  // TLS with the client
  TlsVersion,
  TlsCipher,
  TlsAlpn,
  TlsSni,
  TlsClientCertificate,
  TlsClientVerify,
  TlsOther,
  // configuration and start-up
  ConfigInvalid,
  FileUnreadable,
  AddressInUse,
  SystemCall,
  Internal,
  kCount,
};

struct ErrorRow {
  ErrorCode code;
  LogLevel level;
  CloseReason close_reason;  // when a session ends by it
  std::string_view label;    // snake_case: metrics and log lines
  std::string_view client;   // the text behind BYE or NO; never names a host
};
const ErrorRow& row_of(ErrorCode code) noexcept;

// A refusal, behind the tag: "NO [NOPERM] text" (RFC 5530).
std::string no_answer(std::string_view response_code, std::string_view text);
// "NO [UNAVAILABLE] " and the row's text: nobody's fault, and worth another try.
std::string unavailable_answer(ErrorCode code);

inline std::string_view label_of(ErrorCode code) noexcept { return row_of(code).label; }

}  // namespace postern
