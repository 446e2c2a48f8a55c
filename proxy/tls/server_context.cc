#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tls/certificate_file.h"
#include "tls/client_auth.h"
#include "tls/context_impl.h"
#include "tls/groups.h"
#include "tls/handshake.h"

namespace postern::tls {
namespace {

// Mozilla's intermediate set (5.7) without DHE, whose parameters old clients cannot be relied on to check.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

using Members =
    std::vector<std::size_t>;  // certificates that serve one name, at most one of each kind of key

struct Loading {
  std::vector<CertificatePair> pairs;
  std::map<Members, std::size_t> group_of;
  ClientTrust trust;  // empty where no client is asked
};

Error invalid(const std::string& what) {
  return {ErrorCode::ConfigInvalid, what + " (" + take_reason() + ")"};
}

// Only what a key of this kind can sign: OpenSSL goes through the list at each handshake.
const char* signature_algorithms(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
      return "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512";
    case EVP_PKEY_RSA_PSS:
      return "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512";
    case EVP_PKEY_ED25519:
      return "ed25519";
    case EVP_PKEY_ED448:
      return "ed448";
    default:
      return "rsa_pss_rsae_sha256:RSA+SHA256:rsa_pss_rsae_sha384:RSA+SHA384";
  }
}

Result<void> set_algorithms(SSL_CTX* context, const config::Tls& settings) {
  const int version = settings.min_version == config::TlsVersion::Tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, version) != 1) return invalid("tls.min_version");
  const char* ciphers = settings.ciphers.empty() ? kCiphers : settings.ciphers.c_str();
  if (SSL_CTX_set_cipher_list(context, ciphers) != 1) return invalid("tls.ciphers");
  if (!settings.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, settings.ciphersuites.c_str()) != 1)
    return invalid("tls.ciphersuites");
  if (Result<void> set = set_groups(context, settings.groups); !set) return set.error();
  SSL_CTX_set_dh_auto(context, 1);  // only where the operator's ciphers have DHE
  return {};
}

void set_tickets(SSL_CTX* context, bool enabled) {
  SSL_CTX_set_max_early_data(context, 0);  // IMAP has no replay profile (RFC 8446 §8)
  SSL_CTX_set_num_tickets(context, enabled ? 1 : 0);
  if (enabled)
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  else
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

Result<SslContextPtr> make_group(const config::Tls& settings, const Loading& loading, const Members& members,
                                 ServerContext::Impl& impl) {
  SslContextPtr context = make_ssl_context(TLS_server_method());
  if (!context) return invalid("no TLS context");
  if (Result<void> set = set_algorithms(context.get(), settings); !set) return set.error();
  std::string algorithms;
  for (const std::size_t member : members) {
    const CertificatePair& pair = loading.pairs[member];
    if (Result<void> used = use_pair(context.get(), pair); !used) return used.error();
    if (!algorithms.empty()) algorithms += ':';
    algorithms += signature_algorithms(pair.key.get());
  }
  if (SSL_CTX_set1_sigalgs_list(context.get(), algorithms.c_str()) != 1)
    return invalid("no signature algorithms");
  if (impl.client_auth != config::ClientAuth::Off)
    if (auto asked = ask_for_certificate(context.get(), impl.client_auth, loading.trust); !asked)
      return asked.error();
  set_tickets(context.get(), impl.tickets != nullptr);
  install_callbacks(context.get(), impl);
  return context;
}

Result<std::size_t> group_for(const config::Tls& settings, Loading& loading, const Members& members,
                              ServerContext::Impl& impl) {
  if (const auto found = loading.group_of.find(members); found != loading.group_of.end())
    return found->second;
  Result<SslContextPtr> group = make_group(settings, loading, members, impl);
  if (!group) return group.error();
  impl.groups.push_back(std::move(*group));
  loading.group_of.emplace(members, impl.groups.size() - 1);
  return impl.groups.size() - 1;
}

// For each name the certificates that have it: the first of each kind of key, in the order of the file.
std::map<std::string, Members> members_by_name(const Loading& loading) {
  std::map<std::string, Members> by_name;
  for (std::size_t i = 0; i < loading.pairs.size(); ++i) {
    const int kind = EVP_PKEY_get_base_id(loading.pairs[i].key.get());
    for (const std::string& name : loading.pairs[i].info.names) {
      Members& members = by_name[name];
      const bool taken = std::any_of(members.begin(), members.end(), [&](std::size_t member) {
        return EVP_PKEY_get_base_id(loading.pairs[member].key.get()) == kind;
      });
      if (!taken) members.push_back(i);
    }
  }
  return by_name;
}

Result<void> make_groups(const config::Tls& settings, Loading& loading, ServerContext::Impl& impl) {
  const std::map<std::string, Members> by_name = members_by_name(loading);
  const std::vector<std::string>& first_names = loading.pairs.front().info.names;
  const Members first = first_names.empty() ? Members{0} : by_name.at(first_names.front());
  if (Result<std::size_t> made = group_for(settings, loading, first, impl); !made) return made.error();
  for (const auto& [name, members] : by_name) {
    Result<std::size_t> group = group_for(settings, loading, members, impl);
    if (!group) return group.error();
    if (name.starts_with("*."))
      impl.wildcard.emplace(name.substr(1), *group);
    else
      impl.exact.emplace(name, *group);
  }
  return {};
}

Result<void> load_trust(const config::ClientCertificates& settings, Loading& loading) {
  if (settings.mode == config::ClientAuth::Off) return {};
  if (settings.ca.empty())
    return Error{ErrorCode::ConfigInvalid, "tls.client_auth has no ca to verify certificates by"};
  Result<ClientTrust> trust = load_client_trust(settings.ca);
  if (!trust) return trust.error();
  loading.trust = std::move(*trust);
  for (const CertificatePair& pair : loading.pairs) {
    const std::size_t bytes = pair.bytes + loading.trust.name_bytes;
    if (bytes <= kFlightBytesMax) continue;
    return Error{ErrorCode::ConfigInvalid,
                 settings.ca + " has more certificates than clients can be told of: their names and " +
                     pair.info.path + " take " + std::to_string(bytes) +
                     " octets of a handshake, more than the " + std::to_string(kFlightBytesMax) +
                     " that are supported"};
  }
  return {};
}

// A certificate that is replaced by one with the same names keeps its clients' tickets; other names do not.
// Nor is a session resumed under other terms for clients' certificates, or around another CA.
bool set_session_scope(ServerContext::Impl& impl, const Loading& loading) {
  std::set<std::string> names;
  for (const CertificateInfo& info : impl.certificates) names.insert(info.names.begin(), info.names.end());
  std::string text = "postern";
  for (const std::string& name : names) text.append(1, '\0').append(name);
  text.append(2, '\0')
      .append(std::to_string(static_cast<int>(impl.client_auth)))
      .append(loading.trust.content);
  impl.sha256.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  impl.ticket_cipher.reset(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  return impl.sha256 && impl.ticket_cipher &&
         EVP_Digest(text.data(), text.size(), impl.session_scope.data(), nullptr, impl.sha256.get(),
                    nullptr) == 1;
}

}  // namespace

const char* library_version() noexcept { return OpenSSL_version(OPENSSL_VERSION); }

ServerContext::ServerContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerContext::~ServerContext() = default;

const std::vector<CertificateInfo>& ServerContext::certificates() const noexcept {
  return impl_->certificates;
}

Result<std::shared_ptr<const ServerContext>> ServerContext::make(const config::Tls& settings,
                                                                 std::shared_ptr<TicketKeys> tickets) {
  auto impl = std::make_unique<Impl>();
  impl->strict_sni = settings.strict_sni;
  if (settings.session_tickets) impl->tickets = std::move(tickets);
  for (const std::string& protocol : settings.alpn) {
    if (protocol.empty() || protocol.size() > 255)
      return Error{ErrorCode::ConfigInvalid, "tls.alpn: a protocol's name has 1 to 255 octets"};
    impl->alpn.append(1, static_cast<char>(protocol.size())).append(protocol);
  }
  if (settings.certificates.empty()) return Error{ErrorCode::ConfigInvalid, "tls.certificates is empty"};

  Loading loading;
  for (const config::Certificate& certificate : settings.certificates) {
    Result<CertificatePair> pair = load_pair(certificate.cert, certificate.key);
    if (!pair) return pair.error();
    impl->certificates.push_back(pair->info);
    loading.pairs.push_back(std::move(*pair));
  }
  impl->client_auth = settings.client_auth.mode;
  if (Result<void> loaded = load_trust(settings.client_auth, loading); !loaded) return loaded.error();
  if (!set_session_scope(*impl, loading)) return invalid("no SHA-256 or AES-256");
  if (Result<void> made = make_groups(settings, loading, *impl); !made) return made.error();
  take_error();
  return std::shared_ptr<const ServerContext>(new ServerContext(std::move(impl)));
}

Result<CertificateInfo> inspect(const config::Certificate& certificate) {
  Result<CertificatePair> pair = load_pair(certificate.cert, certificate.key);
  if (!pair) return pair.error();
  SslContextPtr context = make_ssl_context(TLS_server_method());
  if (!context) return invalid("no TLS context");
  if (Result<void> used = use_pair(context.get(), *pair); !used) return used.error();
  return std::move(pair->info);
}

}  // namespace postern::tls
