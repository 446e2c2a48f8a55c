#include "unit/audit/every_record.h"

#include <utility>

#include "imap/verb.h"

namespace postern::audit {
namespace {

constexpr Duration kShort = std::chrono::microseconds(1250);

struct Maker {
  std::vector<Record> records{};
  std::shared_ptr<const Connection> connection = make_connection();

  Record& add(Body body, Outcome outcome = Outcome::Success, std::string_view reason = {}) {
    Record record;
    record.unix_us = kRecordTime;
    record.connection = connection;
    record.number = records.size() + 1;
    record.user = "fred";
    record.outcome = outcome;
    record.reason = reason;
    record.body = std::move(body);
    records.push_back(std::move(record));
    return records.back();
  }
  Record& add_own(Body body, Outcome outcome = Outcome::Success) {
    Record& record = add(std::move(body), outcome);
    record.connection = nullptr;
    record.user.clear();
    return record;
  }
};

Command command(std::string name) {
  Command out;
  out.name = std::move(name);
  out.number = 7;
  out.mailbox = "INBOX";
  out.classes = imap::effect::kWrites | imap::effect::kDestroys;
  out.duration = kShort;
  return out;
}

void add_sessions(Maker& maker) {
  maker.add(SessionOpen{"implicit", ""}).user.clear();
  maker.add(SessionOpen{"none", "192.0.2.200"}).user.clear();
  SessionClose close;
  close.duration = std::chrono::hours(1);
  close.received = {1, 2};
  close.sent = {3, 4};
  close.commands = 12;
  maker.add(close, Outcome::Success, "logout");
  TlsHandshake tls;
  tls.facts.secure = true;
  tls.facts.minor = 3;
  tls.facts.cipher = "TLS_AES_128_GCM_SHA256";
  tls.facts.group = "X25519";
  tls.facts.sni = "imap.example.org";
  tls.facts.alpn = "imap";
  ClientCertificate certificate;
  certificate.subject = "CN=fred,O=Example";
  certificate.serial = "-0a";
  certificate.sha256 = std::string(64, 'a');
  tls.facts.client_cert = std::make_shared<const ClientCertificate>(certificate);
  tls.duration = kShort;
  maker.add(tls).user.clear();
  maker.add(TlsHandshake{Side::Upstream, {}, "certificate verify failed", kShort}, Outcome::Failure,
            "tls_other");
  maker.add(Auth{true, "PLAIN", "", false, 1, kShort});
  maker.add(Auth{false, "LOGIN", "AUTHENTICATIONFAILED", true, 2, kShort}, Outcome::Failure,
            "authentication_failed");
  maker.add(ClientId{"Thunderbird", "128.0", "Mozilla", "Linux"});
  maker.add(ClientId{});
}

void add_commands(Maker& maker) {
  Command intent = command("MOVE");
  intent.intent = intent.uid = true;
  intent.set = "1:5,9";
  intent.target = "Archive/2026";
  maker.add(intent);
  Command moved = intent;
  moved.intent = false;
  moved.removes = true;
  moved.result = CommandResult::Ok;
  moved.removed = 6;
  moved.expected = 6;
  moved.bytes_out = 512;
  moved.uids = AnsweredUids{"1511554416", "1:5,9", "304:309", true};
  maker.add(moved);
  Command appended = command("APPEND");
  appended.flags = "\\Seen \\Deleted";
  appended.literal_bytes = 1024;
  appended.result = CommandResult::Ok;
  appended.code = "APPENDUID";
  appended.uids = AnsweredUids{"1511554416", "", "310", false};
  maker.add(appended);
  Command closed = command("CLOSE");
  closed.sent_as = "UNSELECT";
  closed.removes = true;
  closed.result = CommandResult::Lost;
  maker.add(closed, Outcome::Error, "upstream_reset");
  Command no = command("DELETE");
  no.mailbox = "Old";
  no.result = CommandResult::No;
  no.code = "NONEXISTENT";
  maker.add(no, Outcome::Failure);
  Command bad = command("STORE");
  bad.set = "*:";
  bad.flags = "+FLAGS (\\Deleted)";
  bad.result = CommandResult::Bad;
  maker.add(bad, Outcome::Failure);
  Command denied = command("SETACL");
  denied.classes = imap::effect::kAdministers | imap::effect::kWrites;
  maker.add(denied, Outcome::Denied, "no_permission");
  Command noop = command("NOOP");
  noop.classes = 0;
  noop.mailbox.clear();
  noop.result = CommandResult::Ok;
  maker.add(noop);
}

void add_rest(Maker& maker) {
  maker.add(
      PolicyDecision{"keep-archive", "postern.yaml:42", "enforce", "deny", "refused", "UID MOVE", "Archive"},
      Outcome::Denied, "no_permission");
  maker.add(PolicyDecision{"", "postern.yaml:50", "observe", "read_only", "passed", "SELECT", "INBOX"});
  maker.add(Upstream{true, "dovecot", "192.0.2.10:143", "TLSv1.2", "", 1, kShort});
  maker.add(Upstream{false, "dovecot", "192.0.2.10:143", "", "connecting", 2, kShort}, Outcome::Failure,
            "upstream_refused");
  maker.add_own(ConfigReload{"signal", {}, {"workers"}});
  maker.add_own(ConfigReload{"file", {"postern.yaml:3:1: unknown key 'lissteners'"}, {}}, Outcome::Failure);
  maker.add_own(TrailStart{"0.1.0", 1, true});
  maker.add_own(TrailStop{});
  maker.add_own(TrailGap{"queue_full", 12, ""}, Outcome::Error);
  maker.add_own(TrailGap{"truncated", 4096, "audit.log"}, Outcome::Error);
  maker.add_own(TrailRecovered{"audit.log", 1000, 17, std::string(64, 'b'), 0, "torn"});
  maker.add_own(TrailRecovered{"audit.log", 1000, 0, "", 3, "missing"}, Outcome::Error);
  maker.add_own(TrailRotate{"audit.log", "", 4});
  maker.add_own(TrailRotate{"", "audit.log.000000001000", 4});
  maker.add_own(TrailCheckpoint{5, 1000, std::string(64, 'c'), "", ""});
  maker.add_own(TrailCheckpoint{5, 1000, std::string(64, 'c'),
                                std::string(86, 'A') + "==", std::string(43, 'A') + "="});
}

}  // namespace

std::shared_ptr<const Connection> make_connection() {
  Connection connection;
  connection.session = "ABCDEFGHIJKLMNOP";
  connection.listener = "imaps";
  connection.client_address = "192.0.2.7";
  connection.client_port = 50123;
  connection.local_address = "2001:db8::1";
  connection.local_port = 993;
  return std::make_shared<const Connection>(connection);
}

std::vector<Record> every_record() {
  Maker maker;
  add_sessions(maker);
  add_commands(maker);
  add_rest(maker);
  return std::move(maker.records);
}

std::vector<Record> every_record_of(const std::string& text) {
  Maker maker;
  Connection connection{text, text, text, 65535, text, 65535, true};
  maker.connection = std::make_shared<const Connection>(connection);
  ClientCertificate certificate;
  certificate.subject = certificate.serial = certificate.sha256 = text;
  TlsHandshake tls;
  tls.facts = {true, 3, true, text, text, text, text, std::make_shared<const ClientCertificate>(certificate)};
  tls.openssl_reason = text;
  Command command;
  command.name = command.mailbox = command.target = command.set = command.flags = command.code = text;
  command.sent_as = "UNSELECT";  // constants where the record holds no text of its own
  command.classes = 255;
  command.number = command.literal_bytes = ~0ULL;
  command.result = CommandResult::Lost;
  command.removes = true;
  command.removed = command.expected = command.bytes_out = ~0ULL;
  command.uids = AnsweredUids{text, text, text, true};
  const std::vector<std::string> many(1000, text);
  for (Body body : std::initializer_list<Body>{
           SessionOpen{"implicit", text}, SessionClose{}, tls,
           Auth{false, "PLAIN", text, true, ~0ULL, Duration::max()}, ClientId{text, text, text, text},
           command, PolicyDecision{text, text, "observe", "deny", "passed", text, text},
           Upstream{false, text, text, "TLSv1.3", text, ~0ULL, Duration::max()}}) {
    Record& record = maker.add(std::move(body), Outcome::Error);
    record.user = text;
  }
  for (Body body :
       std::initializer_list<Body>{ConfigReload{"signal", many, many}, TrailStart{text, 1, false},
                                   TrailGap{"removed", 1, text}, TrailRecovered{text, 1, 2, text, 3, "torn"},
                                   TrailRotate{text, "", 1}, TrailCheckpoint{1, 1, text, text, text}})
    maker.add_own(std::move(body), Outcome::Error);
  return std::move(maker.records);
}

std::string line_of(const Record& record, const Redaction* redaction) {
  std::string out;
  append_json(out, record, {9, "gateway.example.org", "INSTANCEINSTANCE", redaction});
  return out + "}";
}

}  // namespace postern::audit
