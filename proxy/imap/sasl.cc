#include "imap/sasl.h"

#include <algorithm>
#include <array>

namespace postern::imap {
namespace {

constexpr std::size_t kMechanisms = static_cast<std::size_t>(Mechanism::kCount);

// In the order of the enumeration. One that is not known is taken as server-first: relaying line by line is
// right then whoever begins, since an upstream opens a client-first exchange with an empty "+".
constexpr std::array<MechanismRow, kMechanisms> kRows{{
    {Mechanism::Login, "LOGIN", "login_command", false, true, false},
    {Mechanism::Plain, "PLAIN", "plain", true, true, false},
    {Mechanism::SaslLogin, "LOGIN", "login", false, true, false},
    {Mechanism::CramMd5, "CRAM-MD5", "cram_md5", false, false, true},
    {Mechanism::CramSha1, "CRAM-SHA1", "cram_sha1", false, false, true},
    {Mechanism::CramSha256, "CRAM-SHA256", "cram_sha256", false, false, true},
    {Mechanism::DigestMd5, "DIGEST-MD5", "digest_md5", false, false, true},
    {Mechanism::ScramSha1, "SCRAM-SHA-1", "scram_sha_1", true, true, false},
    {Mechanism::ScramSha256, "SCRAM-SHA-256", "scram_sha_256", true, true, false},
    {Mechanism::Xoauth2, "XOAUTH2", "xoauth2", true, true, false},
    {Mechanism::Oauthbearer, "OAUTHBEARER", "oauthbearer", true, true, false},
    {Mechanism::Gssapi, "GSSAPI", "gssapi", true, false, false},
    {Mechanism::External, "EXTERNAL", "external", true, true, false},
    {Mechanism::Other, "", "other", false, false, false},
}};

std::string user_in_plain(Octets decoded) {
  const auto parts = plain_parts(decoded);
  if (!parts) return {};
  return std::string(parts->authzid.empty() ? parts->authcid : parts->authzid);
}

// `=2C` and `=3D` are the only escapes of a saslname (RFC 5801 §4, RFC 5802 §5.1).
std::string decode_saslname(Octets name) {
  std::string out;
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (name[at] == '\0') return {};
    if (name[at] != '=') {
      out.push_back(name[at]);
      continue;
    }
    const Octets code = name.substr(at + 1, 2);
    if (code != "2C" && code != "3D") return {};
    out.push_back(code == "2C" ? ',' : '=');
    at += 2;
  }
  return out;
}

Octets take_field(Octets& rest, char separator) noexcept {
  const std::size_t end = rest.find(separator);
  const Octets field = rest.substr(0, end);
  rest = end == Octets::npos ? Octets() : rest.substr(end + 1);
  return field;
}

// gs2-header = gs2-cbind-flag "," [ "a=" saslname ] "," (RFC 5801 §4): its authzid, still encoded.
bool take_gs2_header(Octets& rest, Octets& authzid) noexcept {
  if (rest.find(',') == Octets::npos) return false;
  const Octets flag = take_field(rest, ',');
  if (flag != "n" && flag != "y" && !flag.starts_with("p=")) return false;
  if (rest.find(',') == Octets::npos) return false;
  authzid = take_field(rest, ',');
  if (authzid.empty()) return true;
  if (!authzid.starts_with("a=")) return false;
  authzid.remove_prefix(2);
  return !authzid.empty();
}

// RFC 5802 §7: gs2-header [reserved-mext ","] "n=" saslname "," "r=" nonce.
std::string user_in_scram(Octets decoded) {
  Octets authzid;
  if (!take_gs2_header(decoded, authzid)) return {};
  if (decoded.starts_with("m=")) return {};  // an extension that must be understood
  const Octets authcid = take_field(decoded, ',');
  if (!authcid.starts_with("n=") || !decoded.starts_with("r=")) return {};
  return decode_saslname(authzid.empty() ? authcid.substr(2) : authzid);
}

// RFC 7628 §3.1: gs2-header kvsep *(key "=" value kvsep) kvsep; a bearer token may come without a name.
std::string user_in_oauthbearer(Octets decoded) {
  Octets authzid;
  if (!take_gs2_header(decoded, authzid) || !decoded.starts_with('\x01')) return {};
  return decode_saslname(authzid);
}

// "user=" name ^A "auth=Bearer " token ^A ^A
std::string user_in_xoauth2(Octets decoded) {
  const Octets user = take_field(decoded, '\x01');
  if (!user.starts_with("user=") || !decoded.starts_with("auth=")) return {};
  if (user.find('\0') != Octets::npos) return {};
  return std::string(user.substr(5));
}

std::string whole_name(Octets decoded) {
  return decoded.find('\0') == Octets::npos ? std::string(decoded) : std::string();
}

// RFC 2195 §2: name SP digest; a name may hold blanks.
std::string user_in_cram(Octets decoded) {
  const std::size_t space = decoded.rfind(' ');
  return space == Octets::npos ? std::string() : whole_name(decoded.substr(0, space));
}

// One directive of a DIGEST-MD5 response: key=value or key="value", with LWS and commas around it (RFC 2831
// §7.1). False: there is none, or no reader could tell where it ends.
bool take_directive(Octets& rest, Octets& key, std::string& value) {
  constexpr Octets kBlanks = " \t\r\n";
  const auto skip = [&rest](Octets octets) {
    rest.remove_prefix(std::min(rest.find_first_not_of(octets), rest.size()));
  };
  skip(" \t\r\n,");
  const std::size_t equals = rest.find('=');
  if (equals == Octets::npos) return false;
  key = rest.substr(0, equals);
  key = key.substr(0, key.find_last_not_of(kBlanks) + 1);
  rest.remove_prefix(equals + 1);
  skip(kBlanks);
  value.clear();
  if (!rest.starts_with('"')) {
    const Octets token = rest.substr(0, rest.find_first_of(" \t\r\n,"));
    value = token;
    rest.remove_prefix(token.size());
  } else {
    std::size_t at = 1;
    for (; at < rest.size() && rest[at] != '"'; ++at) {
      if (rest[at] == '\\' && ++at == rest.size()) return false;
      value.push_back(rest[at]);
    }
    if (at >= rest.size()) return false;
    rest.remove_prefix(at + 1);
  }
  skip(kBlanks);
  return rest.empty() || rest.front() == ',';
}

// RFC 2831 §2.1.2: the authzid if there is one.
std::string user_in_digest(Octets decoded) {
  Octets key;
  std::string value, username, authzid;
  while (take_directive(decoded, key, value)) {
    if (equals_ignoring_case(key, "username")) username = value;
    if (equals_ignoring_case(key, "authzid")) authzid = value;
  }
  return decoded.empty() ? whole_name(authzid.empty() ? username : authzid) : std::string();
}

}  // namespace

const MechanismRow& row_of(Mechanism mechanism) noexcept {
  return kRows[static_cast<std::size_t>(mechanism)];
}

Mechanism mechanism_of(Octets name) noexcept {
  for (std::size_t i = 1; i < kMechanisms; ++i)  // not the command
    if (!kRows[i].name.empty() && equals_ignoring_case(kRows[i].name, name)) return kRows[i].mechanism;
  return Mechanism::Other;
}

bool is_channel_bound(Octets name) noexcept {
  constexpr Octets kPlus = "-PLUS";
  return name.size() > kPlus.size() && equals_ignoring_case(name.substr(name.size() - kPlus.size()), kPlus);
}

// [authzid] NUL authcid NUL passwd
std::optional<PlainParts> plain_parts(Octets decoded) noexcept {
  const std::size_t first = decoded.find('\0');
  if (first == Octets::npos) return std::nullopt;
  const std::size_t second = decoded.find('\0', first + 1);
  if (second == Octets::npos || decoded.find('\0', second + 1) != Octets::npos) return std::nullopt;
  return PlainParts{decoded.substr(0, first), decoded.substr(first + 1, second - first - 1),
                    decoded.substr(second + 1)};
}

std::string user_in_response(Mechanism mechanism, Octets decoded) {
  switch (mechanism) {
    case Mechanism::Plain:
      return user_in_plain(decoded);
    case Mechanism::SaslLogin:
    case Mechanism::External:
      return whole_name(decoded);
    case Mechanism::ScramSha1:
    case Mechanism::ScramSha256:
      return user_in_scram(decoded);
    case Mechanism::Xoauth2:
      return user_in_xoauth2(decoded);
    case Mechanism::Oauthbearer:
      return user_in_oauthbearer(decoded);
    case Mechanism::CramMd5:
    case Mechanism::CramSha1:
    case Mechanism::CramSha256:
      return user_in_cram(decoded);
    case Mechanism::DigestMd5:
      return user_in_digest(decoded);
    case Mechanism::Login:
    case Mechanism::Gssapi:
    case Mechanism::Other:
    case Mechanism::kCount:
      break;
  }
  return {};
}

bool claims_no_plus_seen(Octets decoded) noexcept { return decoded.starts_with("y,"); }

bool wants_security_layer(Octets decoded) {
  Octets key;
  std::string value;
  while (take_directive(decoded, key, value))
    if (equals_ignoring_case(key, "qop") && !equals_ignoring_case(value, "auth")) return true;
  return false;
}

}  // namespace postern::imap
