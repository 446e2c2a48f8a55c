// The table itself. A row: path, type, default, meaning, then what is special about it. Rows marked fixed()
// are known to the schema, but this version accepts their default alone.
#include <array>

#include "config/fields.h"

namespace postern::config {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kTiB = 1024 * 1024 * kMiB;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kDay = 24 * kHour;

struct Row : Field {
  constexpr Row list() const { return shaped(Shape::List); }
  constexpr Row either() const { return shaped(Shape::Either); }
  constexpr Row shaped(Shape wanted) const {
    Row copy = *this;
    copy.shape = wanted;
    return copy;
  }
  constexpr Row fixed() const {
    Row copy = *this;
    copy.support = Support::Fixed;
    return copy;
  }
  constexpr Row required() const {
    Row copy = *this;
    copy.need = Need::Required;
    return copy;
  }
  constexpr Row of(std::string_view words) const {
    Row copy = *this;
    copy.choices = words;
    return copy;
  }
  constexpr Row between(std::uint64_t from, std::uint64_t to) const {
    Row copy = *this;
    copy.low = from;
    copy.high = to;
    return copy;
  }
};

constexpr Row row(std::string_view path, Type type, std::string_view fallback, std::string_view description) {
  Row out{};
  out.path = path;
  out.type = type;
  out.fallback = fallback;
  out.description = description;
  return out;
}
constexpr Row block(std::string_view path, std::string_view description) {
  return row(path, Type::Block, "", description);
}
constexpr Row text(std::string_view path, std::string_view fallback, std::string_view description) {
  return row(path, Type::Text, fallback, description);
}
constexpr Row file(std::string_view path, std::string_view fallback, std::string_view description) {
  return row(path, Type::Path, fallback, description);
}
constexpr Row boolean(std::string_view path, std::string_view fallback, std::string_view description) {
  return row(path, Type::Boolean, fallback, description);
}
constexpr Row integer(std::string_view path, std::string_view fallback, std::string_view description) {
  return row(path, Type::Integer, fallback, description);
}
constexpr Row duration(std::string_view path, std::string_view fallback, std::string_view description) {
  return row(path, Type::Duration, fallback, description);
}
constexpr Row size(std::string_view path, std::string_view fallback, std::string_view description) {
  return row(path, Type::Size, fallback, description);
}
constexpr Row choice(std::string_view path, std::string_view words, std::string_view fallback,
                     std::string_view description) {
  return row(path, Type::Choice, fallback, description).of(words);
}
constexpr Row version(std::string_view path, std::string_view words, std::string_view description) {
  return row(path, Type::Version, "1.2", description).of(words);
}

constexpr auto kFields = std::to_array<Field>({
    integer("version", "1", "Version of this file's format.").between(1, 1),

    block("listeners", "Where clients connect.").list().required(),
    text("listeners[].name", "", "Name in logs, metrics and routes; the address if it is empty."),
    row("listeners[].address", Type::Address, "",
        "host:port or [v6]:port; the host is an IP address, port 0 lets the kernel choose.")
        .required(),
    choice("listeners[].tls", "implicit|starttls|off", "implicit",
           "TLS from the first octet, by STARTTLS, or none (refused unless allow_cleartext is true)."),
    boolean("listeners[].allow_cleartext", "false", "Accept passwords without TLS on this listener."),
    choice("listeners[].proxy_protocol", "off|required", "off", "Read a PROXY v1 or v2 header first."),
    row("listeners[].trusted_proxies", Type::Network, "",
        "Networks that may say for whom they speak: by a PROXY header, or by Dovecot's fields of ID.")
        .list(),

    block("tls", "TLS towards clients; required where a listener uses TLS."),
    block("tls.certificates",
          "Chosen by SNI from the names in each certificate; the first serves when none matches.")
        .list(),
    file("tls.certificates[].cert", "", "PEM file: the certificate and its chain.").required(),
    file("tls.certificates[].key", "", "PEM file: the private key.").required(),
    file("tls.certificates[].ocsp", "", "DER file: the OCSP response to staple.").fixed(),
    version("tls.min_version", "1.2|1.3", "The lowest TLS version that clients may use."),
    text("tls.ciphers", "", "OpenSSL cipher list for TLS 1.2; empty = Mozilla's intermediate set."),
    text("tls.ciphersuites", "", "OpenSSL cipher suites for TLS 1.3; empty = OpenSSL's."),
    text("tls.groups", "", "Key exchange groups; empty = X25519:P-256:P-384."),
    text("tls.alpn", "imap", "A client that offers ALPN without one of these is refused.").list(),
    boolean("tls.strict_sni", "false", "Refuse names that no certificate has."),
    boolean("tls.session_tickets", "true", "Let clients resume sessions; the keys rotate every 12 hours."),
    file("tls.ticket_key_file", "",
         "File of 80-octet ticket keys, shared across replicas; the first encrypts."),
    block("tls.client_auth", "Certificates of clients."),
    choice("tls.client_auth.mode", "off|request|require", "off", "Ask clients for a certificate."),
    file("tls.client_auth.ca", "", "PEM file: who may sign them."),
    choice("tls.client_auth.user_from", "|email|cn|upn", "", "Where SASL EXTERNAL takes the user from."),
    boolean("tls.watch", "true", "Reload certificates when their files change."),

    block("upstreams", "The IMAP servers behind the gateway.").list().required(),
    text("upstreams[].name", "", "Name in routes, logs and metrics.").required(),
    row("upstreams[].servers", Type::Address, "",
        "host:port of each server; names are resolved again every dns_ttl.")
        .list()
        .required(),
    duration("upstreams[].dns_ttl", "30s", "How long a resolved name is used.").between(100, kDay),
    choice("upstreams[].tls", "off|starttls|implicit", "off", "TLS towards the servers."),
    version("upstreams[].tls_min_version", "1.0|1.1|1.2|1.3", "The lowest TLS version towards the servers."),
    text("upstreams[].tls_ciphers", "", "OpenSSL cipher list towards the servers; empty = the default set."),
    file("upstreams[].ca", "",
         "PEM file: who may sign the servers' certificates; empty = the system's store."),
    choice("upstreams[].verify", "full|ca|pin|none", "full",
           "Chain and name, the chain alone, the key's fingerprint, or nothing."),
    text("upstreams[].pin_sha256", "",
         "SHA-256 of the server's public key in hex or base64, for verify: pin.")
        .list(),
    text("upstreams[].server_name", "", "Name for SNI and verification; empty = the host."),
    file("upstreams[].client_cert", "", "PEM file: the gateway's own certificate."),
    file("upstreams[].client_key", "", "PEM file: its private key."),
    choice("upstreams[].balance", "user_hash|least_sessions|round_robin", "user_hash",
           "How a server is chosen.")
        .fixed(),
    choice("upstreams[].proxy_protocol", "off|v1|v2", "off", "Send a PROXY header ahead of everything."),
    boolean("upstreams[].send_id", "false", "Send the client's address by ID, as Dovecot reads it."),
    block("upstreams[].health", "The probe."),
    duration("upstreams[].health.interval", "5s", "Time between two probes.").between(10, kDay),
    duration("upstreams[].health.timeout", "2s", "Time for one probe.").between(10, kHour),
    integer("upstreams[].health.rise", "2", "Good probes until a server is up.").between(1, 100),
    integer("upstreams[].health.fall", "3", "Bad probes until a server is down.").between(1, 100),
    integer("upstreams[].warm", "0", "Connections kept greeted for the next login.")
        .between(0, 10000)
        .fixed(),
    integer("upstreams[].max_sessions", "0", "Sessions for each server; 0 = no limit.")
        .between(0, 10000000)
        .fixed(),
    text("upstreams[].master_user", "",
         "Log in as USER<separator>MASTER whom a client certificate has verified."),
    text("upstreams[].master_separator", "*", "Between user and master user."),
    row("upstreams[].master_password", Type::Secret, "", "The master user's password."),

    block("routes", "The first match decides; none = the first upstream.").list(),
    block("routes[].match", "What must be true; an empty list matches all, keys are joined by AND."),
    text("routes[].match.listener", "", "Globs of listener names.").list(),
    text("routes[].match.sni", "", "Globs of the name that the client asked for by SNI.").list(),
    text("routes[].match.user", "", "Globs of user names.").list(),
    row("routes[].match.client", Type::Network, "", "Networks of client addresses.").list(),
    text("routes[].upstream", "", "Name of an upstream."),
    block("routes[].lookup", "Ask a file or an HTTP service for the upstream.").fixed(),
    file("routes[].lookup.file", "", "Lines of \"user upstream\" or \"user host:port\"."),
    text("routes[].lookup.http", "", "URL that speaks the protocol of nginx's auth_http."),
    duration("routes[].lookup.timeout", "2s", "Time for one answer."),
    duration("routes[].lookup.cache", "60s", "How long an answer is used."),

    block("rewrite", "What the gateway changes on the way."),
    block("rewrite.user", "Changes of the user name."),
    boolean("rewrite.user.lowercase", "false", "Fold it to lower case."),
    text("rewrite.user.default_domain", "", "Appended where there is no domain."),
    boolean("rewrite.user.strip_domain", "false", "Cut the domain off."),
    block("rewrite.user.map", "Regular expressions and what replaces them.").list(),
    text("rewrite.user.map[].from", "", "Regular expression (RE2).").required(),
    text("rewrite.user.map[].to", "", "Replacement; \\1 is the first group.").required(),
    block("rewrite.capabilities", "Changes of what is offered to clients."),
    text("rewrite.capabilities.hide", "", "Capabilities never offered.").list(),
    text("rewrite.capabilities.add", "",
         "Capabilities passed beside those that the gateway knows; LITERAL- takes the place of "
         "LITERAL+.")
        .list(),
    text("rewrite.greeting", "Postern ready", "Text of the greeting."),
    choice("rewrite.id", "pass|hide|own", "pass", "What each side learns of the other's ID."),
    boolean("rewrite.compress", "false", "COMPRESS=DEFLATE, ended at the gateway.").fixed(),

    block("rules", "Each command is held against these in order; the first match decides; none = allow.")
        .list(),
    text("rules[].name", "", "Name in logs, metrics and the audit trail."),
    block("rules[].when", "What must be true; keys are joined by AND, a leading ! negates one entry."),
    text("rules[].when.user", "", "Globs of user names.").either(),
    text("rules[].when.client", "", "Networks of client addresses.").either(),
    text("rules[].when.listener", "", "Globs of listener names.").either(),
    text("rules[].when.sni", "", "Globs of the name asked for by SNI.").either(),
    boolean("rules[].when.tls", "true", "Is the client's connection protected?"),
    row("rules[].when.tls_version", Type::Bare, "", "TLS versions, 1.0 to 1.3.").either(),
    row("rules[].when.client_cert", Type::Bare, "",
        "true: a verified certificate; false: none; or globs of its names (subject, CN, e-mail, UPN).")
        .either(),
    text("rules[].when.command", "", "Names of commands, without UID; no wildcards.").either(),
    text("rules[].when.class", "", "Classes of commands: read, write, destructive, auth, admin.").either(),
    text("rules[].when.mailbox", "", "Globs of mailboxes; * stops at a separator, ** does not.").either(),
    text("rules[].when.flag", "", "Flags that are set.").either(),
    choice("rules[].action", "allow|deny|read_only|organise|disconnect", "deny", "What is done.").required(),
    choice("rules[].mode", "enforce|observe", "enforce", "observe: decide and record, but let it pass."),
    text("rules[].reply", "", "Text behind NO [NOPERM]: printable ASCII, at most 200 octets."),

    text("trash", "Trash|Deleted Items", "Mailboxes where organise lets nothing be moved.").list(),

    block("audit", "The audit trail."),
    file("audit.file", "", "Path; - = standard output; empty = no audit."),
    choice("audit.events", "session|auth|destructive|write|admin|read|policy|upstream|config|all",
           "session|auth|destructive|policy", "What is recorded.")
        .list(),
    choice("audit.durability", "write_ahead|interval|none", "write_ahead", "When a record is on disk."),
    duration("audit.flush_interval", "100ms", "For durability: interval.").between(1, 60 * kSecond),
    choice("audit.on_failure", "deny|allow", "deny", "What happens to commands that cannot be recorded."),
    boolean("audit.chain", "true", "Each record carries the hash of the one before."),
    file("audit.chain_key_file", "", "With a key the chain is an HMAC whose key evolves."),
    file("audit.checkpoint_key_file", "", "Ed25519 key that signs checkpoints."),
    block("audit.sinks", "Further places for the records.").list().fixed(),
    file("audit.sinks[].file", "", "Path of a file."),
    text("audit.sinks[].syslog", "", "Address of a syslog server."),
    boolean("audit.sinks[].journald", "false", "To the journal."),
    choice("audit.sinks[].format", "native|ecs|ocsf|cef", "native", "Form of a record."),
    block("audit.rotate", "Rotation by the gateway; 0 = by an outside tool."),
    size("audit.rotate.size", "0", "Rotate at this size.").between(0, kTiB),
    integer("audit.rotate.keep", "0", "Rotated files that are kept; 0 = all.").between(0, 1000000),
    block("audit.redact", "What is replaced by a keyed hash."),
    boolean("audit.redact.user", "false", "User names."),
    boolean("audit.redact.mailbox", "false", "Mailbox names."),
    boolean("audit.redact.client", "false", "Client addresses."),
    text("audit.syslog", "", "Also to udp://, tcp://, tls://host:port or unix:/dev/log.").fixed(),

    block("limits", "Every limit of a session."),
    block("limits.sessions", "Sessions at once; 0 = no limit."),
    integer("limits.sessions.total", "0", "In the whole process.").between(0, 10000000),
    integer("limits.sessions.per_client", "0", "For each client network.").between(0, 10000000),
    integer("limits.sessions.per_user", "0", "For each user.").between(0, 10000000),
    block("limits.login", "Failed logins, for each client network (/32, /64) and each user."),
    integer("limits.login.failures", "5", "Failures in the window until a ban; 0 = never.")
        .between(0, 1000000),
    duration("limits.login.window", "10m", "How long a failure counts.").between(1, 30 * kDay),
    duration("limits.login.ban", "10m", "How long a ban lasts.").between(0, 30 * kDay),
    duration("limits.login.delay", "1s", "Wait before a failure is answered.").between(0, 60 * kSecond),
    block("limits.commands_per_second", "Commands; 0 = no limit."),
    integer("limits.commands_per_second.per_session", "0", "In one session.").between(0, 1000000),
    integer("limits.commands_per_second.per_user", "0", "By one user.").between(0, 1000000),
    block("limits.deletions", "The brake on deletions."),
    integer("limits.deletions.messages", "0", "Messages by one user in the window; 0 = no limit.")
        .between(0, 1000000000),
    duration("limits.deletions.window", "10m", "How long a deletion counts.").between(1, 30 * kDay),
    size("limits.bandwidth_per_session", "0", "Octets in a second, both directions; 0 = no limit.")
        .between(0, kTiB),
    size("limits.line", "64KiB", "Octets of a client's command, literals aside.").between(kKiB, kMiB),
    size("limits.sasl", "96KiB", "Octets of one SASL response, in base64.").between(kKiB, kMiB),
    size("limits.literal", "64MiB", "Octets of one literal; a larger one is answered NO [TOOBIG].")
        .between(1, kTiB),
    size("limits.buffer", "256KiB", "Octets queued for each direction of a session.")
        .between(16 * kKiB, 64 * kMiB),
    block("limits.timeouts", "Time for each step."),
    duration("limits.timeouts.handshake", "10s", "The client's TLS handshake.").between(10, kHour),
    duration("limits.timeouts.login", "60s", "From the greeting to a successful login.").between(10, kDay),
    duration("limits.timeouts.idle", "32m",
             "Without an octet from the client; at least 30 minutes by RFC 3501.")
        .between(10, 30 * kDay),
    duration("limits.timeouts.upstream_connect", "5s", "TCP, and TLS, with an upstream.").between(10, kHour),
    duration("limits.timeouts.upstream_login", "60s", "The upstream's answer to a login.").between(10, kHour),
    duration("limits.timeouts.upstream_silence", "10m",
             "A pending command without one octet of answer; never in IDLE.")
        .between(10, kDay),
    duration("limits.timeouts.drain", "25s", "From SIGTERM to the end of the last session.").between(0, kDay),
    duration("limits.timeouts.drain_delay", "5s", "Between readiness going down and the listeners closing.")
        .between(0, kHour),

    block("status",
          "Read only, safe to show to a cluster: /metrics /livez /readyz /startupz and the status page."),
    row("status.address", Type::Address, "127.0.0.1:9143", "host:port; empty = none."),
    block("admin", "What tells more, or changes something: /v1/..."),
    row("admin.address", Type::Address, "", "unix:/path or host:port; empty = none.").fixed(),
    file("admin.token_file", "", "File with the bearer token.").fixed(),

    block("log", "The gateway's log."),
    choice("log.level", "debug|info|warning|error", "info", "What is loud enough to be written."),
    choice("log.format", "text|json", "text", "Form of a line."),
    file("log.file", "-", "Path; - = standard error."),
    integer("workers", "0", "Event loops; 0 = one for each core.").between(0, 256),
    text("user", "", "Drop to this user after binding."),
});

}  // namespace

std::span<const Field> fields() noexcept { return kFields; }

}  // namespace postern::config
