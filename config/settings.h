// The configuration as values: what postern.reference.yaml says, decoded, checked and immutable. Owned by the
// Snapshot, shared read-only by all threads. A key's default is its member's, and stands here alone: the
// field table, which binds keys to members, reads it from a new struct. Keys whose feature is not built yet
// have no member here: the field table knows and refuses them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "config/audit.h"
#include "config/rule.h"
#include "config/values.h"

namespace postern::config {

struct Listener {
  std::string name;  // defaults to the address
  HostPort address;
  ListenerTls tls = ListenerTls::Implicit;
  bool allow_cleartext = false;
  bool proxy_protocol = false;        // a PROXY v1 or v2 header is read first; from trusted_proxies alone
  std::vector<Cidr> trusted_proxies;  // who may say whom it speaks for: by a PROXY header, or by ID
  Mark mark;
};

struct Certificate {
  std::string cert;  // path of the PEM chain, absolute
  std::string key;
  Mark cert_mark;
  Mark key_mark;
};

struct ClientCertificates {
  ClientAuth mode = ClientAuth::Off;
  std::string ca;                          // path of the PEM file, absolute
  UserFrom user_from = UserFrom::Nothing;  // where SASL EXTERNAL takes the user from
  Mark mark;
};

struct Tls {
  std::vector<Certificate> certificates;
  TlsVersion min_version = TlsVersion::Tls12;
  std::string ciphers;       // empty = Mozilla intermediate without DHE
  std::string ciphersuites;  // TLS 1.3; empty = OpenSSL's
  std::string groups;        // empty = tls::best_groups
  std::vector<std::string> alpn{"imap"};
  bool strict_sni = false;
  bool session_tickets = true;
  std::string ticket_key_file;  // path, absolute, or empty
  ClientCertificates client_auth;
  bool watch = true;
  Mark mark;
};

struct Health {
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(2);
  int rise = 2;
  int fall = 3;
};

// Who logs in as USER<separator>MASTER whom a client certificate has verified.
struct MasterLogin {
  std::string user;  // empty = nobody
  std::string separator = "*";
  std::shared_ptr<const Secret> password;  // null without one
};

struct Upstream {
  std::string name;
  std::vector<HostPort> servers;
  Duration dns_ttl = std::chrono::seconds(30);
  UpstreamTls tls = UpstreamTls::Off;
  TlsVersion tls_min_version = TlsVersion::Tls12;
  std::string tls_ciphers;
  std::string ca;  // path, absolute; empty = the system's store
  Verify verify = Verify::Full;
  std::vector<std::array<unsigned char, 32>> pin_sha256;  // SHA-256 of the SubjectPublicKeyInfo
  std::string server_name;                                // empty = the host
  std::string client_cert;
  std::string client_key;
  Balance balance = Balance::UserHash;
  ProxyProtocol proxy_protocol = ProxyProtocol::Off;  // sent ahead of everything
  bool send_id = false;                               // the client's address by ID, as Dovecot reads it
  MasterLogin master;
  Health health;
  Mark mark;
};

struct Route {
  std::vector<std::string> listeners;  // globs: * and ?; empty = any
  std::vector<std::string> sni;
  std::vector<std::string> users;
  std::vector<Cidr> clients;
  std::size_t upstream = 0;  // index into Settings::upstreams
};

struct UserMapping {
  std::string from;  // RE2, of the whole name
  std::string to;    // \1 is the first group
  Mark mark;         // of `from`
};

struct RewriteUser {
  bool lowercase = false;
  std::string default_domain;
  bool strip_domain = false;
  std::vector<UserMapping> map;  // the first that matches

  bool is_asked() const noexcept {
    return lowercase || strip_domain || !default_domain.empty() || !map.empty();
  }
};

struct Rewrite {
  RewriteUser user;
  std::vector<std::string> hide_capabilities;
  std::vector<std::string> add_capabilities;
  std::string greeting = "Postern ready";
  IdPolicy id = IdPolicy::Pass;  // what each side learns of the other's ID
};

struct LoginLimits {
  int failures = 5;  // 0 = no limit
  Duration window = std::chrono::minutes(10);
  Duration ban = std::chrono::minutes(10);
  Duration delay = std::chrono::seconds(1);
};

struct Timeouts {
  Duration handshake = std::chrono::seconds(10);
  Duration login = std::chrono::seconds(60);
  Duration idle = std::chrono::minutes(32);
  Duration upstream_connect = std::chrono::seconds(5);
  Duration upstream_login = std::chrono::seconds(60);
  Duration upstream_silence = std::chrono::minutes(10);
  Duration stalled = std::chrono::minutes(10);
  Duration count = std::chrono::seconds(10);
  Duration drain = std::chrono::seconds(25);
  Duration drain_delay = std::chrono::seconds(5);
};

// The brake: messages that one user makes vanish in the window.
struct DeletionLimit {
  std::uint64_t messages = 0;  // 0 = no limit
  Duration window = std::chrono::minutes(10);
};

struct Limits {
  std::uint64_t sessions_total = 0;  // 0 = no limit
  std::uint64_t sessions_per_client = 0;
  std::uint64_t sessions_per_user = 0;
  LoginLimits login;
  std::uint64_t commands_per_session = 0;  // in a second; 0 = no limit
  std::uint64_t commands_per_user = 0;
  DeletionLimit deletions;
  std::uint64_t bandwidth_per_session = 0;   // octets in a second, both directions; 0 = no limit
  std::size_t line = 64 * 1024;              // octets of a client's command, literals aside
  std::size_t sasl = 96 * 1024;              // octets of one SASL response, in base64
  std::uint64_t literal = 64 * 1024 * 1024;  // octets of one literal
  std::size_t buffer = 256 * 1024;           // octets queued for each direction of a session
  Timeouts timeouts;
};

struct Log {
  std::uint8_t level = 1;  // postern::LogLevel: 0 debug, 1 info, 2 warning, 3 error
  LogFormat format = LogFormat::Text;
  std::string file = "-";  // "-" = standard error
  Mark mark;               // of `file`
};

struct Settings {
  std::vector<Listener> listeners;
  Tls tls;
  bool has_tls = false;
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;
  Rewrite rewrite;
  std::vector<Rule> rules;
  std::vector<std::string> trash{"Trash", "Deleted Items"};  // canonical names, beside special-use's
  Audit audit;
  Limits limits;
  bool has_status = true;
  HostPort status{"127.0.0.1", 9143};
  Log log;
  int workers = 0;
  std::string user;
};

}  // namespace postern::config
