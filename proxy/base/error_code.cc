#include "base/error_code.h"

#include <array>
#include <cstddef>

namespace postern {
namespace {

using enum LogLevel;
using Why = CloseReason;
using Code = ErrorCode;

// In the order of the enumeration; error_code_test.cc holds the two together.
constexpr std::array<ErrorRow, static_cast<std::size_t>(Code::kCount)> kRows{{
    {Code::Ok, Debug, Why::Logout, "ok", ""},
    {Code::Logout, Info, Why::Logout, "logout", "Logging out"},
    {Code::Drained, Info, Why::Drain, "drain", "The server is restarting, please reconnect"},
    {Code::ClientClosed, Info, Why::ClientEof, "client_closed", ""},
    {Code::ClientReset, Info, Why::ClientError, "client_reset", ""},
    {Code::ClientTruncated, Info, Why::ClientEof, "client_truncated", ""},
    {Code::UpstreamClosed, Warning, Why::UpstreamEof, "upstream_closed",
     "The mail server closed the connection"},
    {Code::UpstreamReset, Warning, Why::UpstreamError, "upstream_reset",
     "The mail server closed the connection"},
    {Code::UpstreamTruncated, Warning, Why::UpstreamEof, "upstream_truncated",
     "The mail server closed the connection"},
    {Code::UpstreamBye, Info, Why::UpstreamEof, "upstream_bye", "The mail server closed the connection"},
    {Code::HandshakeTimeout, Info, Why::AuthTimeout, "handshake_timeout", ""},
    {Code::LoginTimeout, Info, Why::AuthTimeout, "login_timeout", "Too slow to log in"},
    {Code::IdleTimeout, Info, Why::IdleTimeout, "idle_timeout", "Autologout; idle for too long"},
    {Code::UpstreamSilent, Warning, Why::UpstreamError, "upstream_silent", "The mail server does not answer"},
    {Code::ClientStalled, Info, Why::IdleTimeout, "client_stalled", "Autologout; too long without reading"},
    {Code::UpstreamStalled, Warning, Why::UpstreamError, "upstream_stalled",
     "The mail server does not take what is sent to it"},
    {Code::MalformedCommand, Info, Why::ProtocolError, "malformed_command", "Malformed command"},
    {Code::BareCarriageReturn, Info, Why::ProtocolError, "bare_cr", "CR without LF"},
    {Code::NulOctet, Info, Why::ProtocolError, "nul_octet", "NUL outside of a literal"},
    {Code::MalformedLiteral, Info, Why::ProtocolError, "malformed_literal", "Malformed literal"},
    {Code::UnclosedQuote, Info, Why::ProtocolError, "unclosed_quote", "Unclosed quoted string"},
    {Code::LineTooLong, Info, Why::ProtocolError, "line_too_long", "Command line too long"},
    {Code::LiteralTooLarge, Info, Why::ProtocolError, "literal_too_large", "Literal too large"},
    {Code::SaslTooLong, Info, Why::ProtocolError, "sasl_too_long", "Authentication response too long"},
    {Code::TooManyErrors, Info, Why::ProtocolError, "too_many_errors", "Too many invalid commands"},
    {Code::NotImap, Info, Why::ProtocolError, "not_imap", ""},
    {Code::StarttlsInjection, Warning, Why::ProtocolError, "starttls_injection", "Data behind STARTTLS"},
    {Code::EarlyLiteral, Info, Why::ProtocolError, "early_literal", "Literal sent before it was asked for"},
    {Code::IdleViolation, Info, Why::ProtocolError, "idle_violation", "Expected DONE"},
    {Code::UpstreamGreeting, Warning, Why::UpstreamError, "upstream_greeting",
     "The mail server is unavailable"},
    {Code::UpstreamPreauth, Error, Why::UpstreamError, "upstream_preauth", "The mail server is unavailable"},
    {Code::UpstreamStarttls, Error, Why::UpstreamError, "upstream_starttls",
     "The mail server is unavailable"},
    {Code::UpstreamMalformed, Warning, Why::UpstreamError, "upstream_malformed",
     "The mail server sent an invalid response"},
    {Code::UpstreamUnknownTag, Warning, Why::UpstreamError, "upstream_unknown_tag",
     "The mail server sent an invalid response"},
    {Code::UpstreamLineTooLong, Warning, Why::UpstreamError, "upstream_line_too_long",
     "The mail server sent an invalid response"},
    {Code::AppendRefused, Info, Why::UpstreamError, "append_refused",
     "The mail server refused a part of a message"},
    {Code::UpstreamDown, Warning, Why::UpstreamError, "upstream_down",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamRefused, Warning, Why::UpstreamError, "refused",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamConnectTimeout, Warning, Why::UpstreamError, "timeout",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamDns, Warning, Why::UpstreamError, "dns",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamTls, Error, Why::UpstreamError, "tls",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamCertificate, Error, Why::UpstreamError, "certificate",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamLoginTimeout, Warning, Why::UpstreamError, "upstream_login_timeout",
     "The mail server is unavailable, please try again later"},
    {Code::UpstreamProxyHeader, Warning, Why::UpstreamError, "upstream_proxy_header",
     "The mail server is unavailable, please try again later"},
    {Code::PrivacyRequired, Warning, Why::Policy, "privacy_required",
     "Encryption is required: use STARTTLS first"},
    {Code::AuthenticationFailed, Info, Why::Policy, "authentication_failed", "Authentication failed"},
    {Code::AuthorizationFailed, Info, Why::Policy, "authorization_failed",
     "Not authorised to log in as this user"},
    {Code::NoMasterUser, Warning, Why::Policy, "no_master_user",
     "Logging in by certificate is not possible on this mail server"},
    {Code::LoginThrottled, Warning, Why::Policy, "login_throttled",
     "Too many failed logins, try again later"},
    {Code::Cannot, Info, Why::Policy, "cannot", "Not possible through this server"},
    {Code::ProxyLoop, Error, Why::Policy, "proxy_loop",
     "The mail server is unavailable, please try again later"},
    {Code::NoPermission, Info, Why::Policy, "no_permission", "Not allowed by policy"},
    {Code::HoldExpired, Warning, Why::Internal, "hold_expired", "Temporarily unavailable, try again"},
    {Code::AuditUnavailable, Warning, Why::Policy, "audit_unavailable", "Temporarily unavailable, try again"},
    {Code::TooManySessions, Warning, Why::Policy, "too_many_sessions", "Too many sessions, close some first"},
    {Code::TooManyClientSessions, Warning, Why::Policy, "too_many_client_sessions",
     "Too many sessions from your network"},
    {Code::Brake, Warning, Why::Policy, "brake", "Too many messages deleted, try again later"},
    {Code::BrakeUncounted, Warning, Why::Policy, "brake_uncounted",
     "The messages to be deleted could not be counted, try again later"},
    {Code::PolicyClose, Info, Why::Policy, "policy", "Closed by policy"},
    {Code::TlsVersion, Info, Why::ClientError, "version", ""},
    {Code::TlsCipher, Info, Why::ClientError, "cipher", ""},
    {Code::TlsAlpn, Info, Why::ClientError, "alpn", ""},
    {Code::TlsSni, Info, Why::ClientError, "sni", ""},
    {Code::TlsClientCertificate, Info, Why::ClientError, "client_cert", ""},
    {Code::TlsClientVerify, Info, Why::ClientError, "verify", ""},
    {Code::TlsOther, Info, Why::ClientError, "other", ""},
    {Code::ConfigInvalid, Error, Why::Internal, "config_invalid", ""},
    {Code::FileUnreadable, Error, Why::Internal, "file_unreadable", ""},
    {Code::AddressInUse, Error, Why::Internal, "address_in_use", ""},
    {Code::SystemCall, Error, Why::Internal, "system_call", ""},
    {Code::Internal, Error, Why::Internal, "internal", "Internal error"},
}};

constexpr std::array<std::string_view, static_cast<std::size_t>(CloseReason::kCount)> kCloseReasons{
    "logout",       "client_eof", "client_error", "upstream_eof",   "upstream_error", "idle_timeout",
    "auth_timeout", "policy",     "drain",        "protocol_error", "internal"};

}  // namespace

const ErrorRow& row_of(ErrorCode code) noexcept { return kRows[static_cast<std::size_t>(code)]; }

std::string no_answer(std::string_view response_code, std::string_view text) {
  std::string out = "NO [";
  return out.append(response_code).append("] ").append(text);
}

std::string unavailable_answer(ErrorCode code) { return no_answer("UNAVAILABLE", row_of(code).client); }

std::string_view name_of(CloseReason reason) noexcept {
  return kCloseReasons[static_cast<std::size_t>(reason)];
}

}  // namespace postern
