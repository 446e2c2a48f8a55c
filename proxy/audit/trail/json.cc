#include "audit/trail/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>

#include "audit/trail/redaction.h"
#include "base/escape.h"
#include "base/json_writer.h"
#include "imap/verb.h"

namespace postern::audit {
namespace {

// Octets of each text as it stands in the line, its dots included. The largest record, a command with every
// field at its bound, stays below kLineBytes with its seal.
constexpr std::size_t kWordBytes = 256;
constexpr std::size_t kNameBytes = 1024;
constexpr std::size_t kSubjectBytes = 2048;
constexpr std::size_t kFlagsBytes = 2048;
constexpr std::size_t kMailboxBytes = 4096;
constexpr std::size_t kSetBytes = 4096;
constexpr std::size_t kPathBytes = 4096;
constexpr std::size_t kIdBytes = 64;  // of each field that a client says of itself
constexpr std::size_t kListMost = 16;
constexpr std::size_t kListItemBytes = 512;

constexpr std::array<std::string_view, kEvents> kEventNames{
    "session.open",    "session.close",  "tls.handshake",   "auth.success", "auth.failure",
    "client.id",       "command.intent", "command",         "policy.deny",  "upstream.connect",
    "upstream.fail",   "config.reload",  "audit.start",     "audit.stop",   "audit.gap",
    "audit.recovered", "audit.rotate",   "audit.checkpoint"};

template <typename Enum, std::size_t N>
constexpr std::string_view name_in(const std::array<std::string_view, N>& names, Enum value) noexcept {
  return names[static_cast<std::size_t>(value)];
}
constexpr std::array<std::string_view, 4> kOutcomes{"success", "failure", "denied", "error"};
constexpr std::array<std::string_view, 5> kResults{"", "ok", "no", "bad", "lost"};

struct EventIndex {
  std::size_t operator()(const SessionOpen&) const noexcept { return 0; }
  std::size_t operator()(const SessionClose&) const noexcept { return 1; }
  std::size_t operator()(const TlsHandshake&) const noexcept { return 2; }
  std::size_t operator()(const Auth& auth) const noexcept { return auth.success ? 3 : 4; }
  std::size_t operator()(const ClientId&) const noexcept { return 5; }
  std::size_t operator()(const Command& command) const noexcept { return command.intent ? 6 : 7; }
  std::size_t operator()(const PolicyDecision&) const noexcept { return 8; }
  std::size_t operator()(const Upstream& upstream) const noexcept { return upstream.success ? 9 : 10; }
  std::size_t operator()(const ConfigReload&) const noexcept { return 11; }
  std::size_t operator()(const TrailStart&) const noexcept { return 12; }
  std::size_t operator()(const TrailStop&) const noexcept { return 13; }
  std::size_t operator()(const TrailGap&) const noexcept { return 14; }
  std::size_t operator()(const TrailRecovered&) const noexcept { return 15; }
  std::size_t operator()(const TrailRotate&) const noexcept { return 16; }
  std::size_t operator()(const TrailCheckpoint&) const noexcept { return 17; }
};

// Appends members to an object that is open, in the trail's canonical form.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) {}

  void open(std::string_view key) { name(key) += '{'; }
  void close() { out_ += '}'; }
  // Nothing if it is empty: not known.
  void text(std::string_view key, std::string_view value, std::size_t most = kWordBytes) {
    if (value.empty()) return;
    name(key);
    item(value, most);
  }
  void number(std::string_view key, std::uint64_t value) {
    std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits{};
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    name(key).append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  }
  void number(std::string_view key, const std::optional<std::uint64_t>& value) {
    if (value) return number(key, *value);
    name(key) += "null";
  }
  void boolean(std::string_view key, bool value) { name(key) += value ? "true" : "false"; }
  // In milliseconds, with three digits behind the point.
  void duration(Duration value) {
    const auto us =
        std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(value).count());
    number("duration_ms", static_cast<std::uint64_t>(us / 1000));
    out_ += '.';
    for (std::int64_t unit = 100; unit > 0; unit /= 10) out_ += static_cast<char>('0' + us / unit % 10);
  }
  void time(std::string_view key, std::int64_t unix_us) {
    name(key) += '"';
    append_timestamp(out_, unix_us, 6);
    out_ += '"';
  }
  // A list that is cut ends in "...", like a text.
  void list(std::string_view key, const std::vector<std::string>& values) {
    name(key) += '[';
    for (std::size_t i = 0; i < values.size() && i <= kListMost; ++i) {
      if (i > 0) out_ += ',';
      item(i == kListMost ? "..." : values[i], kListItemBytes);
    }
    out_ += ']';
  }
  // What was appended before, its comma included.
  std::size_t size() const noexcept { return out_.size(); }
  std::string since(std::size_t from) const { return out_.substr(from); }
  void again(std::string_view members) { out_ += members; }
  std::string& name(std::string_view key) { return append_json_key(out_, key); }
  void item(std::string_view value, std::size_t most) {
    append_json_text(out_, value, EscapeStyle::Record, {.written = most});
  }

 private:
  std::string& out_;
};

// The members of each kind of record, behind those that all have.
class Encoder {
 public:
  Encoder(std::string& out, const Record& record, const Envelope& envelope)
      : to_(out), record_(record), envelope_(envelope) {}

  void common() {
    to_.time("ts", record_.unix_us);
    to_.number("seq", envelope_.sequence);
    to_.text("event", event_name(record_));
    to_.number("v", std::uint64_t{kSchemaVersion});
    const Connection* const connection = record_.connection.get();
    std::string id(connection != nullptr ? std::string_view(connection->session) : envelope_.instance);
    to_.text("id", id.append(1, '.').append(std::to_string(record_.number)));
    if (connection != nullptr) conn(*connection);
    to_.text("node", envelope_.node);
    hashed_text("user", "user", record_.user, redacts(&Redaction::Kinds::user), kNameBytes);
    to_.text("outcome", name_in(kOutcomes, record_.outcome));
    to_.text("reason", record_.reason);
  }

  void operator()(const SessionOpen& open) {
    to_.text("tls_mode", open.tls_mode);
    if (open.proxy.empty()) return;
    to_.open("proxy_protocol");
    to_.text("src", open.proxy);
    to_.close();
  }
  void operator()(const SessionClose& close) {
    to_.duration(close.duration);
    to_.open("bytes");
    to_.number("client_in", close.received[static_cast<std::size_t>(Side::Client)]);
    to_.number("client_out", close.sent[static_cast<std::size_t>(Side::Client)]);
    to_.number("upstream_in", close.received[static_cast<std::size_t>(Side::Upstream)]);
    to_.number("upstream_out", close.sent[static_cast<std::size_t>(Side::Upstream)]);
    to_.close();
    to_.open("commands");
    to_.number("total", close.commands);
    to_.close();
  }
  void operator()(const TlsHandshake& tls) {
    to_.text("side", name_of(tls.side));
    to_.text("version", tls.facts.version());
    to_.text("cipher", tls.facts.cipher);
    to_.text("group", tls.facts.group);
    to_.text("sni", tls.facts.sni, kNameBytes);
    to_.text("alpn", tls.facts.alpn);
    if (tls.facts.secure) to_.boolean("resumed", tls.facts.resumed);
    if (tls.facts.client_cert) certificate(*tls.facts.client_cert);
    to_.text("openssl_reason", tls.openssl_reason);
    to_.duration(tls.duration);
  }
  void operator()(const Auth& auth) {
    to_.text("mechanism", auth.mechanism);
    to_.boolean("cleartext", auth.cleartext);
    to_.number("attempt", auth.attempt);
    to_.text("upstream_code", auth.upstream_code);
    to_.duration(auth.duration);
  }
  void operator()(const ClientId& id) {
    to_.text("name", id.name, kIdBytes);
    to_.text("version", id.version, kIdBytes);
    to_.text("vendor", id.vendor, kIdBytes);
    to_.text("os", id.os, kIdBytes);
  }
  void operator()(const Command& command) {
    to_.number("seq_in_session", command.number);
    to_.text("name", command.name);
    to_.boolean("uid", command.uid);
    classes(command.classes);
    mailbox("mailbox", command.mailbox);
    mailbox("target", command.target);
    to_.text("set", command.set, kSetBytes);
    to_.text("flags", command.flags, kFlagsBytes);
    to_.boolean("rewritten", !command.sent_as.empty());
    to_.text("sent_as", command.sent_as);
    if (command.literal_bytes > 0) to_.number("literal_bytes", command.literal_bytes);
    if (!command.intent) outcome(command);
  }
  void operator()(const PolicyDecision& decision) {
    to_.text("rule", decision.rule, kNameBytes);
    to_.text("file_line", decision.place, kPathBytes);
    to_.text("mode", decision.mode);
    to_.text("action", decision.action);
    to_.text("verdict", decision.verdict);
    to_.text("command", decision.command);
    mailbox("mailbox", decision.mailbox);
  }
  void operator()(const Upstream& upstream) {
    to_.text("upstream", upstream.upstream, kNameBytes);
    to_.text("endpoint", upstream.endpoint);
    if (!upstream.tls.empty()) {
      to_.open("tls");
      to_.text("version", upstream.tls);
      to_.close();
    }
    to_.text("state", upstream.state, kNameBytes);
    to_.number("attempt", upstream.attempt);
    to_.duration(upstream.duration);
  }
  void operator()(const ConfigReload& reload) {
    to_.text("trigger", reload.trigger);
    to_.list("errors", reload.errors);
    to_.list("restart_required", reload.restart_required);
  }
  void operator()(const TrailStart& start) {
    to_.text("version", start.version);
    to_.number("epoch", start.epoch);
    to_.boolean("keyed", start.keyed);
  }
  void operator()(const TrailStop&) {}
  void operator()(const TrailGap& gap) {
    to_.text("cause", gap.cause);
    to_.number("lost", gap.lost);
    to_.text("file", gap.file, kPathBytes);
  }
  void operator()(const TrailRecovered& recovered) {
    to_.text("kind", recovered.kind);
    to_.text("file", recovered.file, kPathBytes);
    to_.number("offset", recovered.offset);
    to_.number("torn_bytes", recovered.torn_bytes);
    to_.text("torn_sha256", recovered.torn_sha256);
    to_.number("missing", recovered.missing);
  }
  void operator()(const TrailRotate& rotate) {
    to_.text("next", rotate.next, kPathBytes);
    to_.text("previous", rotate.previous, kPathBytes);
    to_.number("epoch", rotate.epoch);
  }
  void operator()(const TrailCheckpoint& checkpoint) {
    to_.number("epoch", checkpoint.epoch);
    to_.number("covered", checkpoint.covered);
    to_.text("head", checkpoint.head);
    to_.text("signature", checkpoint.signature);
    to_.text("public_key", checkpoint.public_key);
  }

 private:
  bool redacts(bool Redaction::Kinds::*kind) const {
    return envelope_.redaction != nullptr && envelope_.redaction->kinds().*kind;
  }
  void hashed_text(std::string_view key, std::string_view kind, std::string_view value, bool hashed,
                   std::size_t most) {
    if (hashed && !value.empty())
      to_.text(key, envelope_.redaction->hash(kind, value));
    else
      to_.text(key, value, most);
  }
  void mailbox(std::string_view key, std::string_view value) {
    hashed_text(key, "mailbox", value, redacts(&Redaction::Kinds::mailbox), kMailboxBytes);
  }
  // Always the same for one connection, and a quarter of a record.
  void conn(const Connection& connection) {
    const bool hashed = redacts(&Redaction::Kinds::client);
    if (!connection.encoded.empty() && connection.encoded_hashed == hashed)
      return to_.again(connection.encoded);
    const std::size_t from = to_.size();
    to_.text("session", connection.session);
    to_.open("conn");
    to_.text("listener", connection.listener);
    hashed_text("client_ip", "client", connection.client_address, hashed, kWordBytes);
    if (connection.client_port != 0) to_.number("client_port", std::uint64_t{connection.client_port});
    to_.text("local_ip", connection.local_address);
    if (connection.local_port != 0) to_.number("local_port", std::uint64_t{connection.local_port});
    to_.boolean("proxied", connection.proxied);
    to_.close();
    connection.encoded = to_.since(from);
    connection.encoded_hashed = hashed;
  }
  // It names its holder, so it is hidden with the user.
  void certificate(const ClientCertificate& certificate) {
    const bool hidden = redacts(&Redaction::Kinds::user);
    to_.open("client_cert");
    hashed_text("subject", "subject", certificate.subject, hidden, kSubjectBytes);
    hashed_text("serial", "serial", certificate.serial, hidden, kWordBytes);
    hashed_text("sha256", "sha256", certificate.sha256, hidden, kWordBytes);
    to_.close();
  }
  void classes(std::uint8_t bits) {
    std::string& out = to_.name("class");
    out += '[';
    for (const imap::effect::ClassName& one : imap::effect::kClasses) {
      if ((bits & one.bit) == 0) continue;
      if (out.back() != '[') out += ',';
      to_.item(one.name, kWordBytes);
    }
    out += ']';
  }
  void uids(const AnsweredUids& uids) {
    const bool copied = !uids.source.empty();
    to_.open(copied ? "copyuid" : "appenduid");
    to_.text("validity", uids.validity);
    to_.text("source", uids.source, kSetBytes);
    to_.text("destination", uids.destination, kSetBytes);
    if (uids.cut) to_.boolean("cut", true);
    to_.close();
  }
  void outcome(const Command& command) {
    if (command.result == CommandResult::None)
      to_.name("result") += "null";
    else
      to_.text("result", name_in(kResults, command.result));
    to_.text("code", command.code);
    if (command.removes) {
      to_.number("expunged_seen", command.removed);
      to_.number("expected", command.expected);
    }
    if (command.uids) uids(*command.uids);
    to_.number("bytes_out", command.bytes_out);
    to_.duration(command.duration);
  }

  Members to_;
  const Record& record_;
  const Envelope& envelope_;
};

}  // namespace

void append_json(std::string& out, const Record& record, const Envelope& envelope) {
  out += '{';
  Encoder encoder(out, record, envelope);
  encoder.common();
  std::visit(encoder, record.body);
}

std::size_t event_index(const Record& record) noexcept { return std::visit(EventIndex{}, record.body); }
std::string_view event_name(std::size_t event) noexcept { return kEventNames[event]; }
std::string_view event_name(const Record& record) noexcept { return kEventNames[event_index(record)]; }

}  // namespace postern::audit
