#include "tls/handshake.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <optional>

#include "tls/client_auth.h"
#include "tls/transform.h"

namespace postern::tls {
namespace {

using Impl = ServerContext::Impl;

std::size_t length16(const unsigned char* octets) noexcept {
  return static_cast<std::size_t>(octets[0]) << 8 | octets[1];
}

// The group of certificates for a name in lower case: as it is, then with its leftmost label as a wildcard.
std::optional<std::size_t> group_of(const Impl& impl, const std::string& name) {
  if (const auto found = impl.exact.find(name); found != impl.exact.end()) return found->second;
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == std::string::npos) return std::nullopt;
  if (const auto found = impl.wildcard.find(name.substr(dot)); found != impl.wildcard.end())
    return found->second;
  return std::nullopt;
}

// A ticket resumes only under the name that it was issued under. OpenSSL 3.0 does not see to that (RFC 6066
// §3 asks for it), so the name is made part of the session id context, which it does compare.
bool scope_session(SSL* ssl, const Impl& impl, const std::string& name) {
  std::array<unsigned char, 32 + TLSEXT_MAXLEN_host_name> scope{};
  const std::size_t size = std::min<std::size_t>(name.size(), TLSEXT_MAXLEN_host_name);
  std::copy(impl.session_scope.begin(), impl.session_scope.end(), scope.begin());
  std::copy_n(name.begin(), size, scope.begin() + 32);
  std::array<unsigned char, 32> hash{};
  if (EVP_Digest(scope.data(), 32 + size, hash.data(), nullptr, impl.sha256.get(), nullptr) != 1)
    return false;
  return SSL_set_session_id_context(ssl, hash.data(), static_cast<unsigned>(hash.size())) == 1;
}

int on_client_hello(SSL* ssl, int* alert, void* argument) {
  const auto& impl = *static_cast<const Impl*>(argument);
  Transform& transform = transform_of(ssl);
  const Octets sent = server_name_in(ssl);
  transform.facts.sni.assign(sent);
  const std::string name = to_lower(sent);

  const std::optional<std::size_t> group = group_of(impl, name);
  if (!group && !name.empty() && impl.strict_sni) {
    transform.refused = ErrorCode::TlsSni;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  SSL_CTX* context = impl.groups[group.value_or(0)].get();
  const bool switched = SSL_get_SSL_CTX(ssl) == context || SSL_set_SSL_CTX(ssl, context) == context;
  if (switched && (!impl.tickets || scope_session(ssl, impl, name))) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

// The choice has been made above; a server that made use of the name says so (RFC 6066 §3).
int on_server_name(SSL* ssl, int*, void*) {
  return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) == nullptr ? SSL_TLSEXT_ERR_NOACK
                                                                       : SSL_TLSEXT_ERR_OK;
}

// Not SSL_select_next_proto: it picks something even where nothing matches. Ours are in order of preference.
int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
            unsigned offered_size, void* argument) {
  const auto& impl = *static_cast<const Impl*>(argument);
  const Octets ours = impl.alpn;
  const Octets theirs(reinterpret_cast<const char*>(offered), offered_size);
  const auto item_at = [](Octets list, std::size_t at) {
    return list.substr(at, 1U + static_cast<unsigned char>(list[at]));  // with its length octet
  };
  for (std::size_t i = 0; i < ours.size(); i += item_at(ours, i).size()) {
    for (std::size_t j = 0; j < theirs.size(); j += item_at(theirs, j).size()) {
      if (item_at(ours, i) != item_at(theirs, j)) continue;
      *chosen = offered + j + 1;
      *chosen_size = offered[j];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  // ALPACA: a client that means another protocol must not be served by this one (RFC 7301 §3.2).
  transform_of(ssl).refused = ErrorCode::TlsAlpn;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool key_mac(EVP_MAC_CTX* mac, const TicketKey& key) {
  // OSSL_PARAM is not const-correct; neither value is written to.
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.hmac.data()),
                                        key.hmac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 = done, 2 = done, and give a new ticket, 0 = no such key, -1 =
// failed.
int on_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                  int encrypt) {
  const auto& impl = *static_cast<const Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const auto ring = impl.tickets->current();
  if (encrypt != 0) {
    const TicketKey& key = ring->keys.front();
    std::copy(key.name.begin(), key.name.end(), name);
    const bool ready =
        RAND_bytes(iv, EVP_CIPHER_get_iv_length(impl.ticket_cipher.get())) == 1 &&
        EVP_EncryptInit_ex2(cipher, impl.ticket_cipher.get(), key.aes.data(), iv, nullptr) == 1 &&
        key_mac(mac, key);
    return ready ? 1 : -1;
  }
  for (const TicketKey& key : ring->keys) {
    if (!std::equal(key.name.begin(), key.name.end(), name)) continue;
    if (!key_mac(mac, key) ||
        EVP_DecryptInit_ex2(cipher, impl.ticket_cipher.get(), key.aes.data(), iv, nullptr) != 1)
      return -1;
    return &key == &ring->keys.front() ? 1 : 2;
  }
  return 0;
}

// A ticket that was opened: whom it stands for must still be valid, or the client is asked anew.
SSL_TICKET_RETURN on_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                            SSL_TICKET_STATUS status, void*) {
  switch (status) {
    case SSL_TICKET_SUCCESS:
      return may_resume(session) ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_SUCCESS_RENEW:
      return may_resume(session) ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
      return SSL_TICKET_RETURN_IGNORE_RENEW;  // an empty one asks for a ticket, another's is none
  }
}

}  // namespace

Octets server_name_in(SSL* ssl) {
  const unsigned char* extension = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) != 1) return {};
  // ServerNameList: length 16; one entry of type host_name (0): type 8, length 16, name. What is malformed is
  // left for OpenSSL to refuse.
  constexpr std::size_t kHead = 5;
  if (size <= kHead || length16(extension) + 2 != size || extension[2] != TLSEXT_NAMETYPE_host_name)
    return {};
  const std::size_t name_size = length16(extension + 3);
  if (name_size + kHead != size || name_size > TLSEXT_MAXLEN_host_name) return {};
  return {reinterpret_cast<const char*>(extension + kHead), name_size};
}

void install_callbacks(SSL_CTX* context, ServerContext::Impl& impl) {
  SSL_CTX_set_app_data(context, &impl);
  SSL_CTX_set_client_hello_cb(context, on_client_hello, &impl);
  SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
  if (!impl.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, on_alpn, &impl);
  if (impl.tickets) SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket_key);
  if (impl.tickets && impl.client_auth != config::ClientAuth::Off)
    SSL_CTX_set_session_ticket_cb(context, nullptr, on_ticket, nullptr);
}

}  // namespace postern::tls
