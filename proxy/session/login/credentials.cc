#include "session/login/credentials.h"

#include <utility>

#include "base/base64.h"

namespace postern::session {
namespace {

using imap::Mechanism;

std::string first_of(const std::vector<std::string>& names) {
  return names.empty() ? std::string() : names.front();
}

std::string name_in(const ClientCertificate& certificate, config::UserFrom user_from) {
  switch (user_from) {
    case config::UserFrom::Email:
      return first_of(certificate.emails);
    case config::UserFrom::CommonName:
      return certificate.common_name;
    case config::UserFrom::Upn:
      return first_of(certificate.upns);
    case config::UserFrom::Nothing:
      break;
  }
  return {};
}

std::optional<NamedResponse> rewritten_plain(const filters::UserRewrite& rewrite, Octets decoded) {
  const auto parts = imap::plain_parts(decoded);
  if (!parts) return std::nullopt;
  const auto authcid = rewrite(parts->authcid);
  const auto authzid = parts->authzid.empty() ? std::string() : rewrite(parts->authzid);
  if (!authcid || !authzid) return std::nullopt;
  NamedResponse named{authzid->empty() ? *authcid : *authzid, {}};
  if (*authcid == parts->authcid && *authzid == parts->authzid) return named;
  Secret response{*authzid};
  response.append({"\0", 1});
  response.append(*authcid);
  response.append({"\0", 1});
  response.append(parts->password);
  named.response = encode_base64(response.reveal());
  return named;
}

}  // namespace

bool carries_name_alone(Mechanism mechanism) noexcept {
  return mechanism == Mechanism::Plain || mechanism == Mechanism::SaslLogin ||
         mechanism == Mechanism::External;
}

std::optional<std::string> rewritten_name(const filters::UserRewrite* rewrite, Octets name) {
  return rewrite == nullptr ? std::string(name) : (*rewrite)(name);
}

std::optional<NamedResponse> rewritten_response(const filters::UserRewrite& rewrite, Mechanism mechanism,
                                                Octets decoded) {
  if (mechanism == Mechanism::Plain) return rewritten_plain(rewrite, decoded);
  auto name = rewrite(decoded);
  if (!name) return std::nullopt;
  NamedResponse named{std::move(*name), {}};
  if (named.user != decoded) named.response = encode_base64(named.user);
  return named;
}

bool names_have(Octets separator, Octets user, Mechanism mechanism, Octets initial) {
  if (user.find(separator) != Octets::npos) return true;
  if (mechanism != Mechanism::Plain) return false;
  const auto decoded = decode_base64(initial);
  const auto parts = decoded ? imap::plain_parts(decoded->reveal()) : std::nullopt;
  return parts && parts->authcid.find(separator) != Octets::npos;
}

std::optional<std::string> certified_user(const TlsFacts& tls, config::UserFrom user_from,
                                          const filters::UserRewrite* rewrite) {
  if (!tls.client_cert) return std::nullopt;
  const std::string name = name_in(*tls.client_cert, user_from);
  return name.empty() ? std::nullopt : rewritten_name(rewrite, name);
}

}  // namespace postern::session
