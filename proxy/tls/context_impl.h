// What stands behind the contexts: the SSL_CTXs and what the callbacks of a handshake look up. Immutable
// after make(), read by all workers. Internal to proxy/tls.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "crypto/openssl.h"
#include "tls/context.h"

namespace postern::tls {

// One key as RFC 5077 §4 recommends it, in the order of nginx's file.
struct TicketKey {
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> hmac;
  std::array<unsigned char, 32> aes;
};

struct TicketKeys::Ring {
  std::vector<TicketKey> keys;  // the first encrypts
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();
};

struct ServerContext::Impl {
  // One SSL_CTX for each set of certificates that serves a name (an RSA and an ECDSA one may share it).
  // The first serves when no name matches, and it is the one that sessions are made from.
  std::vector<SslContextPtr> groups;
  std::unordered_map<std::string, std::size_t> exact;     // name -> group
  std::unordered_map<std::string, std::size_t> wildcard;  // ".example.org" of "*.example.org" -> group
  std::vector<CertificateInfo> certificates;
  config::ClientAuth client_auth = config::ClientAuth::Off;
  std::string alpn;  // in wire format; empty = ALPN is not looked at
  bool strict_sni = false;
  std::shared_ptr<TicketKeys> tickets;  // null = no tickets
  CipherPtr ticket_cipher;
  DigestPtr sha256;
  std::array<unsigned char, 32> session_scope{};  // hash of all that a session must share with its ticket
};

struct ClientContext::Impl {
  SslContextPtr context;
  config::Verify verify = config::Verify::Full;
  std::vector<std::array<unsigned char, 32>> pins;
  DigestPtr sha256;
};

}  // namespace postern::tls
