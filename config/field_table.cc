// The table itself. A row: path, type, the member that it fills, meaning, then what is special about it. The
// default is the member's own, as its struct declares it (settings.h); a key that fills no member, because
// decode.cc reads it or nothing does yet, has its default here. Rows marked fixed() are known to the schema,
// but this version accepts their default alone.
#include <array>

#include "base/joined.h"
#include "config/member.h"
#include "config/settings.h"

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
  // `filled_in`: what an editor writes, where it is not what a new struct holds.
  constexpr Row required(std::string_view filled_in = {}) const {
    Row copy = *this;
    copy.need = Need::Required;
    if (!filled_in.empty()) copy.written_default = filled_in;
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

// What a key fills, and with it its default; or the default alone.
struct Source {
  constexpr Source(const char* written) : written_default(written) {}
  constexpr Source(Member of) : member(of) {}
  std::string_view written_default;
  Member member;
};

constexpr Row row(std::string_view path, Type type, Source source, std::string_view description) {
  Row out{};
  out.path = path;
  out.type = type;
  out.written_default = source.written_default;
  out.member = source.member;
  out.description = description;
  return out;
}
// Its keys fill `part` of the struct around it; without one, that struct itself.
constexpr Row block(std::string_view path, Member part, std::string_view description) {
  return row(path, Type::Block, part, description);
}
constexpr Row block(std::string_view path, std::string_view description) {
  return block(path, Member{}, description);
}
constexpr Row text(std::string_view path, Source source, std::string_view description) {
  return row(path, Type::Text, source, description);
}
constexpr Row file(std::string_view path, Source source, std::string_view description) {
  return row(path, Type::Path, source, description);
}
constexpr Row boolean(std::string_view path, Source source, std::string_view description) {
  return row(path, Type::Boolean, source, description);
}
constexpr Row integer(std::string_view path, Source source, std::string_view description) {
  return row(path, Type::Integer, source, description);
}
constexpr Row duration(std::string_view path, Source source, std::string_view description) {
  return row(path, Type::Duration, source, description);
}
constexpr Row size(std::string_view path, Source source, std::string_view description) {
  return row(path, Type::Size, source, description);
}
constexpr Row choice(std::string_view path, std::string_view words, Source source,
                     std::string_view description) {
  return row(path, Type::Choice, source, description).of(words);
}
constexpr Row version(std::string_view path, std::string_view words, Source source,
                      std::string_view description) {
  return row(path, Type::Version, source, description).of(words);
}

// The defaults of what decode.cc reads itself.
std::string recorded(const Field&) {
  std::vector<std::string_view> names;
  for (const audited::Name& one : audited::kNames)
    if ((one.bits & ~Audit{}.events) == 0) names.push_back(one.name);
  return joined(
      names, [](std::string_view name) { return name; }, "|");
}
std::string status_address(const Field&) { return Settings{}.status.text(); }

constexpr auto kFields = std::to_array<Field>({
    integer("version", "1", "Version of this file's format.").between(1, 1),

    block("listeners", "Where clients connect.").list().required(),
    text("listeners[].name", fills<&Listener::name>,
         "Name in logs, metrics and routes; the address if it is empty."),
    row("listeners[].address", Type::Address, "",
        "host:port or [v6]:port; the host is an IP address, port 0 lets the kernel choose.")
        .required(),
    choice("listeners[].tls", "implicit|starttls|off", fills<&Listener::tls>,
           "TLS from the first octet, by STARTTLS, or none (refused unless allow_cleartext is true)."),
    boolean("listeners[].allow_cleartext", fills<&Listener::allow_cleartext>,
            "Accept passwords without TLS on this listener."),
    choice("listeners[].proxy_protocol", "off|required", fills<&Listener::proxy_protocol>,
           "Read a PROXY v1 or v2 header first."),
    row("listeners[].trusted_proxies", Type::Network, fills<&Listener::trusted_proxies>,
        "Networks that may say for whom they speak: by a PROXY header, or by Dovecot's fields of ID.")
        .list(),

    block("tls", holds<&Settings::tls>, "TLS towards clients; required where a listener uses TLS."),
    block("tls.certificates",
          "Chosen by SNI from the names in each certificate; the first serves when none matches.")
        .list(),
    file("tls.certificates[].cert", fills<&Certificate::cert>, "PEM file: the certificate and its chain.")
        .required(),
    file("tls.certificates[].key", fills<&Certificate::key>, "PEM file: the private key.").required(),
    file("tls.certificates[].ocsp", "", "DER file: the OCSP response to staple.").fixed(),
    version("tls.min_version", "1.2|1.3", fills<&Tls::min_version>,
            "The lowest TLS version that clients may use."),
    text("tls.ciphers", fills<&Tls::ciphers>,
         "OpenSSL cipher list for TLS 1.2; empty = Mozilla's intermediate set."),
    text("tls.ciphersuites", fills<&Tls::ciphersuites>,
         "OpenSSL cipher suites for TLS 1.3; empty = OpenSSL's."),
    text("tls.groups", fills<&Tls::groups>,
         "Key exchange groups; empty = X25519MLKEM768:X25519:P-256:P-384, the first where the library knows "
         "it."),
    text("tls.alpn", fills<&Tls::alpn>, "A client that offers ALPN without one of these is refused.").list(),
    boolean("tls.strict_sni", fills<&Tls::strict_sni>, "Refuse names that no certificate has."),
    boolean("tls.session_tickets", fills<&Tls::session_tickets>,
            "Let clients resume sessions; the keys rotate every 12 hours."),
    file("tls.ticket_key_file", fills<&Tls::ticket_key_file>,
         "File of 80-octet ticket keys, shared across replicas; the first encrypts."),
    block("tls.client_auth", holds<&Tls::client_auth>, "Certificates of clients."),
    choice("tls.client_auth.mode", "off|request|require", fills<&ClientCertificates::mode>,
           "Ask clients for a certificate."),
    file("tls.client_auth.ca", fills<&ClientCertificates::ca>, "PEM file: who may sign them."),
    choice("tls.client_auth.user_from", "|email|cn|upn", fills<&ClientCertificates::user_from>,
           "Where SASL EXTERNAL takes the user from."),
    boolean("tls.watch", fills<&Tls::watch>, "Reload certificates when their files change."),

    block("upstreams", "The IMAP servers behind the gateway.").list().required(),
    text("upstreams[].name", fills<&Upstream::name>, "Name in routes, logs and metrics.").required(),
    row("upstreams[].servers", Type::Address, "",
        "host:port of each server; names are resolved again every dns_ttl.")
        .list()
        .required(),
    duration("upstreams[].dns_ttl", fills<&Upstream::dns_ttl>, "How long a resolved name is used.")
        .between(100, kDay),
    choice("upstreams[].tls", "off|starttls|implicit", fills<&Upstream::tls>, "TLS towards the servers."),
    version("upstreams[].tls_min_version", "1.0|1.1|1.2|1.3", fills<&Upstream::tls_min_version>,
            "The lowest TLS version towards the servers."),
    text("upstreams[].tls_ciphers", fills<&Upstream::tls_ciphers>,
         "OpenSSL cipher list towards the servers; empty = the default set."),
    file("upstreams[].ca", fills<&Upstream::ca>,
         "PEM file: who may sign the servers' certificates; empty = the system's store."),
    choice("upstreams[].verify", "full|ca|pin|none", fills<&Upstream::verify>,
           "Chain and name, the chain alone, the key's fingerprint, or nothing."),
    text("upstreams[].pin_sha256", "",
         "SHA-256 of the server's public key in hex or base64, for verify: pin.")
        .list(),
    text("upstreams[].server_name", fills<&Upstream::server_name>,
         "Name for SNI and verification; empty = the host."),
    file("upstreams[].client_cert", fills<&Upstream::client_cert>,
         "PEM file: the gateway's own certificate."),
    file("upstreams[].client_key", fills<&Upstream::client_key>, "PEM file: its private key."),
    choice("upstreams[].balance", "user_hash|least_sessions|round_robin", fills<&Upstream::balance>,
           "How a server is chosen.")
        .fixed(),
    choice("upstreams[].proxy_protocol", "off|v1|v2", fills<&Upstream::proxy_protocol>,
           "Send a PROXY header ahead of everything."),
    boolean("upstreams[].send_id", fills<&Upstream::send_id>,
            "Send the client's address by ID, as Dovecot reads it."),
    block("upstreams[].health", holds<&Upstream::health>, "The probe."),
    duration("upstreams[].health.interval", fills<&Health::interval>, "Time between two probes.")
        .between(10, kDay),
    duration("upstreams[].health.timeout", fills<&Health::timeout>, "Time for one probe.").between(10, kHour),
    integer("upstreams[].health.rise", fills<&Health::rise>, "Good probes until a server is up.")
        .between(1, 100),
    integer("upstreams[].health.fall", fills<&Health::fall>, "Bad probes until a server is down.")
        .between(1, 100),
    integer("upstreams[].warm", "0", "Connections kept greeted for the next login.")
        .between(0, 10000)
        .fixed(),
    integer("upstreams[].max_sessions", "0", "Sessions for each server; 0 = no limit.")
        .between(0, 10000000)
        .fixed(),
    text("upstreams[].master_user", fills<&Upstream::master, &MasterLogin::user>,
         "Log in as USER<separator>MASTER whom a client certificate has verified."),
    text("upstreams[].master_separator", fills<&Upstream::master, &MasterLogin::separator>,
         "Between user and master user."),
    row("upstreams[].master_password", Type::Secret, fills<&Upstream::master, &MasterLogin::password>,
        "The master user's password."),

    block("routes", "The first match decides; none = the first upstream.").list(),
    block("routes[].match", "What must be true; an empty list matches all, keys are joined by AND."),
    text("routes[].match.listener", fills<&Route::listeners>, "Globs of listener names.").list(),
    text("routes[].match.sni", fills<&Route::sni>, "Globs of the name that the client asked for by SNI.")
        .list(),
    text("routes[].match.user", fills<&Route::users>, "Globs of user names.").list(),
    row("routes[].match.client", Type::Network, fills<&Route::clients>, "Networks of client addresses.")
        .list(),
    text("routes[].upstream", "", "Name of an upstream."),
    block("routes[].lookup", "Ask a file or an HTTP service for the upstream.").fixed(),
    file("routes[].lookup.file", "", "Lines of \"user upstream\" or \"user host:port\"."),
    text("routes[].lookup.http", "", "URL that speaks the protocol of nginx's auth_http."),
    duration("routes[].lookup.timeout", "2s", "Time for one answer."),
    duration("routes[].lookup.cache", "60s", "How long an answer is used."),

    block("rewrite", holds<&Settings::rewrite>, "What the gateway changes on the way."),
    block("rewrite.user", holds<&Rewrite::user>, "Changes of the user name."),
    boolean("rewrite.user.lowercase", fills<&RewriteUser::lowercase>, "Fold it to lower case."),
    text("rewrite.user.default_domain", fills<&RewriteUser::default_domain>,
         "Appended where there is no domain."),
    boolean("rewrite.user.strip_domain", fills<&RewriteUser::strip_domain>, "Cut the domain off."),
    block("rewrite.user.map", "Regular expressions and what replaces them.").list(),
    text("rewrite.user.map[].from", fills<&UserMapping::from>, "Regular expression (RE2).").required(),
    text("rewrite.user.map[].to", fills<&UserMapping::to>, "Replacement; \\1 is the first group.").required(),
    block("rewrite.capabilities", "Changes of what is offered to clients."),
    text("rewrite.capabilities.hide", fills<&Rewrite::hide_capabilities>, "Capabilities never offered.")
        .list(),
    text("rewrite.capabilities.add", fills<&Rewrite::add_capabilities>,
         "Capabilities passed beside those that the gateway knows; LITERAL- takes the place of "
         "LITERAL+.")
        .list(),
    text("rewrite.greeting", fills<&Rewrite::greeting>, "Text of the greeting."),
    choice("rewrite.id", "pass|hide|own", fills<&Rewrite::id>, "What each side learns of the other's ID."),
    boolean("rewrite.compress", "false", "COMPRESS=DEFLATE, ended at the gateway.").fixed(),

    block("rules", "Each command is held against these in order; the first match decides; none = allow.")
        .list(),
    text("rules[].name", fills<&Rule::name>, "Name in logs, metrics and the audit trail."),
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
    choice("rules[].action", "allow|deny|read_only|organise|disconnect", fills<&Rule::action>,
           "What is done.")
        .required("deny"),
    choice("rules[].mode", "enforce|observe", fills<&Rule::mode>,
           "observe: decide and record, but let it pass."),
    text("rules[].reply", fills<&Rule::reply>,
         "Text behind NO [NOPERM]: printable ASCII, at most 200 octets."),

    text("trash", fills<&Settings::trash>, "Mailboxes where organise lets nothing be moved.").list(),

    block("audit", holds<&Settings::audit>, "The audit trail."),
    file("audit.file", fills<&Audit::file>, "Path; - = standard output; empty = no audit."),
    choice("audit.events", "session|auth|destructive|write|admin|read|policy|upstream|config|all",
           Member::of_default(&recorded), "What is recorded.")
        .list(),
    choice("audit.durability", "write_ahead|interval|none", fills<&Audit::durability>,
           "When a record is on disk."),
    duration("audit.flush_interval", fills<&Audit::flush_interval>, "For durability: interval.")
        .between(1, 60 * kSecond),
    choice("audit.on_failure", "deny|allow", fills<&Audit::on_failure>,
           "What happens to commands that cannot be recorded."),
    boolean("audit.chain", fills<&Audit::chain>, "Each record carries the hash of the one before."),
    file("audit.chain_key_file", fills<&Audit::chain_key_file>,
         "With a key the chain is an HMAC whose key evolves."),
    file("audit.checkpoint_key_file", fills<&Audit::checkpoint_key_file>,
         "Ed25519 key that signs checkpoints."),
    block("audit.sinks", "Further places for the records.").list().fixed(),
    file("audit.sinks[].file", "", "Path of a file."),
    text("audit.sinks[].syslog", "", "Address of a syslog server."),
    boolean("audit.sinks[].journald", "false", "To the journal."),
    choice("audit.sinks[].format", "native|ecs|ocsf|cef", "native", "Form of a record."),
    block("audit.rotate", "Rotation by the gateway; 0 = by an outside tool."),
    size("audit.rotate.size", fills<&Audit::rotate_size>, "Rotate at this size.").between(0, kTiB),
    integer("audit.rotate.keep", fills<&Audit::rotate_keep>, "Rotated files that are kept; 0 = all.")
        .between(0, 1000000),
    block("audit.redact", "What is replaced by a keyed hash."),
    boolean("audit.redact.user", fills<&Audit::redact_user>, "User names."),
    boolean("audit.redact.mailbox", fills<&Audit::redact_mailbox>, "Mailbox names."),
    boolean("audit.redact.client", fills<&Audit::redact_client>, "Client addresses."),
    text("audit.syslog", "", "Also to udp://, tcp://, tls://host:port or unix:/dev/log.").fixed(),

    block("limits", holds<&Settings::limits>, "Every limit of a session."),
    block("limits.sessions", "Sessions at once; 0 = no limit."),
    integer("limits.sessions.total", fills<&Limits::sessions_total>, "In the whole process.")
        .between(0, 10000000),
    integer("limits.sessions.per_client", fills<&Limits::sessions_per_client>, "For each client network.")
        .between(0, 10000000),
    integer("limits.sessions.per_user", fills<&Limits::sessions_per_user>, "For each user.")
        .between(0, 10000000),
    block("limits.login", holds<&Limits::login>,
          "Failed logins, for each client network (/32, /64) and each user."),
    integer("limits.login.failures", fills<&LoginLimits::failures>,
            "Failures in the window until a ban; 0 = never.")
        .between(0, 1000000),
    duration("limits.login.window", fills<&LoginLimits::window>, "How long a failure counts.")
        .between(1, 30 * kDay),
    duration("limits.login.ban", fills<&LoginLimits::ban>, "How long a ban lasts.").between(0, 30 * kDay),
    duration("limits.login.delay", fills<&LoginLimits::delay>, "Wait before a failure is answered.")
        .between(0, 60 * kSecond),
    block("limits.commands_per_second", "Commands; 0 = no limit."),
    integer("limits.commands_per_second.per_session", fills<&Limits::commands_per_session>, "In one session.")
        .between(0, 1000000),
    integer("limits.commands_per_second.per_user", fills<&Limits::commands_per_user>, "By one user.")
        .between(0, 1000000),
    block("limits.deletions", holds<&Limits::deletions>, "The brake on deletions."),
    integer("limits.deletions.messages", fills<&DeletionLimit::messages>,
            "Messages by one user in the window; 0 = no limit.")
        .between(0, 1000000000),
    duration("limits.deletions.window", fills<&DeletionLimit::window>, "How long a deletion counts.")
        .between(1, 30 * kDay),
    size("limits.bandwidth_per_session", fills<&Limits::bandwidth_per_session>,
         "Octets in a second, both directions; 0 = no limit.")
        .between(0, kTiB),
    size("limits.line", fills<&Limits::line>, "Octets of a client's command, literals aside.")
        .between(kKiB, kMiB),
    size("limits.sasl", fills<&Limits::sasl>, "Octets of one SASL response, in base64.").between(kKiB, kMiB),
    size("limits.literal", fills<&Limits::literal>,
         "Octets of one literal; a larger one is answered NO [TOOBIG].")
        .between(1, kTiB),
    size("limits.buffer", fills<&Limits::buffer>, "Octets queued for each direction of a session.")
        .between(16 * kKiB, 64 * kMiB),
    block("limits.timeouts", holds<&Limits::timeouts>, "Time for each step."),
    duration("limits.timeouts.handshake", fills<&Timeouts::handshake>, "The client's TLS handshake.")
        .between(10, kHour),
    duration("limits.timeouts.login", fills<&Timeouts::login>, "From the greeting to a successful login.")
        .between(10, kDay),
    duration("limits.timeouts.idle", fills<&Timeouts::idle>,
             "The client is next to speak and does not; at least 30 minutes by RFC 3501.")
        .between(10, 30 * kDay),
    duration("limits.timeouts.upstream_connect", fills<&Timeouts::upstream_connect>,
             "From the dial to an upstream to its greeting.")
        .between(10, kHour),
    duration("limits.timeouts.upstream_login", fills<&Timeouts::upstream_login>,
             "The upstream's answer to a login.")
        .between(10, kHour),
    duration("limits.timeouts.upstream_silence", fills<&Timeouts::upstream_silence>,
             "A pending command without one octet of answer; never in IDLE.")
        .between(10, kDay),
    duration("limits.timeouts.stalled", fills<&Timeouts::stalled>,
             "A peer takes nothing of what is queued for it.")
        .between(10, kDay),
    duration("limits.timeouts.count", fills<&Timeouts::count>,
             "The upstream's answer to how many messages a deletion would remove.")
        .between(10, kHour),
    duration("limits.timeouts.drain", fills<&Timeouts::drain>, "From SIGTERM to the end of the last session.")
        .between(0, kDay),
    duration("limits.timeouts.drain_delay", fills<&Timeouts::drain_delay>,
             "Between readiness going down and the listeners closing.")
        .between(0, kHour),

    block("status",
          "Read only, safe to show to a cluster: /metrics /livez /readyz /startupz and the status page."),
    row("status.address", Type::Address, Member::of_default(&status_address), "host:port; empty = none."),
    block("admin", "What tells more, or changes something: /v1/..."),
    row("admin.address", Type::Address, "", "unix:/path or host:port; empty = none.").fixed(),
    file("admin.token_file", "", "File with the bearer token.").fixed(),

    block("log", holds<&Settings::log>, "The gateway's log."),
    choice("log.level", "debug|info|warning|error", fills<&Log::level>, "What is loud enough to be written."),
    choice("log.format", "text|json", fills<&Log::format>, "Form of a line."),
    file("log.file", fills<&Log::file>, "Path; - = standard error."),
    integer("workers", fills<&Settings::workers>, "Event loops; 0 = one for each core.").between(0, 256),
    text("user", fills<&Settings::user>, "Drop to this user after binding."),
});

}  // namespace

std::span<const Field> fields() noexcept { return kFields; }

}  // namespace postern::config
