#include "session/login/verdict.h"

#include <algorithm>
#include <array>

#include "base/error_code.h"
#include "base/octets.h"

namespace postern::session {
namespace {

using telemetry::AuthResult;

struct Row {
  Octets code;
  AuthResult result;
  Octets text;
};

// RFC 5530, RFC 9051 §7.1, and WEBALERT of Gmail.
constexpr std::array<Row, 11> kRows{{
    {"UNAVAILABLE", AuthResult::Temporary, "The mail server is unavailable, please try again later"},
    {"INUSE", AuthResult::Temporary, "The mailbox is in use, please try again later"},
    {"SERVERBUG", AuthResult::Temporary, "Internal error of the mail server"},
    {"LIMIT", AuthResult::Temporary, "Too many logins or sessions, please try again later"},
    {"CORRUPTION", AuthResult::Temporary, "The mailbox is damaged, please contact the administrator"},
    {"EXPIRED", AuthResult::Failure, "The password has expired"},
    {"CONTACTADMIN", AuthResult::Failure, "Please contact the administrator"},
    {"AUTHORIZATIONFAILED", AuthResult::Failure, "Not allowed to act for this user"},
    {"NOPERM", AuthResult::Failure, "Not allowed to log in"},
    {"CANNOT", AuthResult::Failure, "Not possible on this server"},
    {"WEBALERT", AuthResult::Failure, "Please log in with a web browser first"},
}};

constexpr std::size_t kCodeBytes = 64;  // of a code that has no row

Octets word_of(imap::Status status) {
  switch (status) {
    case imap::Status::None:
      break;
    case imap::Status::Ok:
      return "OK";
    case imap::Status::No:
      return "NO";
    case imap::Status::Bad:
      return "BAD";
    case imap::Status::Bye:
      return "BYE";
    case imap::Status::Preauth:
      return "PREAUTH";
  }
  return {};
}

}  // namespace

Refusal refusal_of(const imap::Response& response) {
  if (response.status == imap::Status::Bad)
    return {AuthResult::Failure, "BAD The mail server did not understand the login"};
  // An alert's words are for the user's eyes (RFC 9051 §7.1).
  if (imap::has_code(response, "ALERT")) return {AuthResult::Failure, no_answer("ALERT", response.text)};
  // The way to the upstream has no TLS that it would accept: the operator's business, and nobody's failure.
  if (imap::has_code(response, "PRIVACYREQUIRED"))
    return {AuthResult::Temporary, no_answer(kRows[0].code, kRows[0].text)};
  for (const Row& row : kRows)
    if (imap::has_code(response, row.code))
      return {row.result, no_answer(row.code == "WEBALERT" ? response.code : row.code, row.text)};
  // One text for every refusal of credentials: it must not tell a wrong password from an unknown user.
  const Octets code = response.code.substr(0, response.code.find(' '));
  const Octets failed = row_of(ErrorCode::AuthenticationFailed).client;
  if (code.empty() || code.size() > kCodeBytes || imap::has_code(response, "AUTHENTICATIONFAILED") ||
      imap::has_code(response, "REFERRAL"))
    return {AuthResult::Failure, no_answer("AUTHENTICATIONFAILED", failed)};
  return {AuthResult::Failure, no_answer(code, failed)};
}

std::string without_code(const imap::Response& response) {
  std::string out(response.kind == imap::ResponseKind::Tagged ? response.tag : Octets("*"));
  out.append(" ").append(word_of(response.status)).append(" ");
  // RFC 9051 §9: the text of a status response is not empty.
  return out.append(response.text.empty() ? Octets("(no text)") : response.text).append("\r\n");
}

}  // namespace postern::session
