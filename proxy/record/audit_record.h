// One record of the audit trail as a value: what happened, independent of how it is written. Made by a
// session or its relay, carried to the writer's thread, turned into octets there. No type here can hold a
// password, a token, a SASL response, a search's terms or a message's content: they are not recordable.
//
// Texts are a peer's octets unless said otherwise: any octet may stand in them, at any length that the
// parsers allow. Whoever writes them bounds and escapes them. An empty text means "not known" and is not
// written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/side.h"
#include "base/time.h"
#include "base/tls_facts.h"

namespace postern::audit {

enum class Outcome : std::uint8_t { Success, Failure, Denied, Error };

// What all records of a session have in common. Shared by them, immutable but for what its writer notes.
struct Connection {
  std::string session;
  std::string listener;
  std::string client_address;
  std::uint16_t client_port = 0;
  std::string local_address;  // the one that the client connected to
  std::uint16_t local_port = 0;
  bool proxied = false;  // by the word of a trusted proxy
  // The writer's alone: how this stands in a record, made with the first one; empty before.
  mutable std::string encoded = {};
  mutable bool encoded_hashed = false;  // with client_address as a keyed hash
};

struct SessionOpen {
  std::string_view tls_mode;  // implicit, starttls, none
  std::string proxy;          // address of the balancer whose word the client's address is
};
struct SessionClose {
  Duration duration{};
  std::array<std::uint64_t, 2> received{};  // octets by Side
  std::array<std::uint64_t, 2> sent{};
  std::uint64_t commands = 0;
};
struct TlsHandshake {
  Side side = Side::Client;
  TlsFacts facts;              // empty after a failure
  std::string openssl_reason;  // of a failure; a library's words
  Duration duration{};
};
// auth.success, auth.failure; the user stands in Record::user.
struct Auth {
  bool success = false;
  std::string_view mechanism;
  std::string upstream_code;  // the atom in the brackets of a refusal
  bool cleartext = false;     // outside TLS
  std::uint64_t attempt = 0;  // of this session, from 1
  Duration duration{};
};
struct ClientId {
  std::string name;
  std::string version;
  std::string vendor;
  std::string os;
};

// The UIDs of COPYUID and APPENDUID, as the server wrote them (RFC 4315).
struct AnsweredUids {
  std::string validity;
  std::string source;  // empty for APPENDUID
  std::string destination;
  bool cut = false;  // longer than what is kept
};

enum class CommandResult : std::uint8_t { None, Ok, No, Bad, Lost };  // None: never sent upstream

// command.intent, before the first octet goes upstream, and command, when it is over: under one id.
struct Command {
  bool intent = false;
  std::string name;          // in capitals, without UID
  bool uid = false;          // `UID name`
  std::uint8_t classes = 0;  // bits of imap::effect
  std::uint64_t number = 0;  // of the session's commands, from 1
  std::string mailbox;       // canonical: the selected one, or the first that is named; empty: none
  std::string target;        // canonical: the second (COPY, MOVE, RENAME)
  std::string set;           // sequence or UID set, as written
  std::string flags;         // STORE's item and flags, APPEND's flags
  std::string_view sent_as;  // EXAMINE, UNSELECT: how policy changed it
  std::uint64_t literal_bytes = 0;
  // Of the outcome.
  CommandResult result = CommandResult::None;
  std::string code;                        // the atom in the brackets of the completion
  std::optional<AnsweredUids> uids;        // the server's
  bool removes = false;                    // the two below are written, as null where nothing is known
  std::optional<std::uint64_t> removed;    // EXPUNGE lines and VANISHED UIDs seen meanwhile: an upper bound
  std::optional<std::uint64_t> expected;   // the server's own count before
  std::optional<std::uint64_t> bytes_out;  // to the client meanwhile; none: not alone under way
  Duration duration{};
};

struct PolicyDecision {
  std::string rule;          // its name; empty: a limit
  std::string place;         // file:line
  std::string_view mode;     // enforce, observe
  std::string_view action;   // deny, read_only, …
  std::string_view verdict;  // refused, disconnected, examined, unselected, passed
  std::string command;
  std::string mailbox;  // canonical
};
// upstream.connect, upstream.fail
struct Upstream {
  bool success = false;
  std::string upstream;  // its configured name
  std::string endpoint;  // address and port
  std::string_view tls;  // version
  std::string state;     // how far it came, as the log tells it
  std::uint64_t attempt = 0;
  Duration duration{};
};
struct ConfigReload {
  std::string_view trigger;
  std::vector<std::string> errors;  // place and message
  std::vector<std::string> restart_required;
};

// The trail's own, made by its writer.
struct TrailStart {
  std::string version;
  std::uint64_t epoch = 0;
  bool keyed = false;
};
struct TrailStop {};
struct TrailGap {
  std::string_view cause;  // queue_full, write_error, fsync_error, truncated, removed
  std::uint64_t lost = 0;  // records, or octets of a file that was cut
  std::string file;
};
// What a crash left behind the last whole record: octets that are no record, and are not deleted.
struct TrailRecovered {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t torn_bytes = 0;
  std::string torn_sha256;         // hexadecimal; empty without torn octets
  std::uint64_t missing = 0;       // records that FILE.state knows of and the file has not
  std::string_view kind = "torn";  // torn, missing, changed
};
// Two of them: the last record of one file names the next, the first of that one names the one before.
struct TrailRotate {
  std::string next;
  std::string previous;
  std::uint64_t epoch = 0;
};
struct TrailCheckpoint {
  std::uint64_t epoch = 0;    // of the records behind this one
  std::uint64_t covered = 0;  // sequence number of the record whose hash is `head`
  std::string head;           // hexadecimal
  std::string signature;      // base64, Ed25519; empty without a key
  std::string public_key;     // base64 of its 32 octets
};

using Body =
    std::variant<SessionOpen, SessionClose, TlsHandshake, Auth, ClientId, Command, PolicyDecision, Upstream,
                 ConfigReload, TrailStart, TrailStop, TrailGap, TrailRecovered, TrailRotate, TrailCheckpoint>;

struct Record {
  std::int64_t unix_us = 0;                      // when it happened, UTC
  std::shared_ptr<const Connection> connection;  // null: of the process
  std::uint64_t number = 0;                      // the n of its id, <session>.<n>
  std::string user;                              // empty before login, and where the mechanism hides it
  Outcome outcome = Outcome::Success;
  std::string_view reason;  // an ErrorCode's label, or a constant; empty: none
  Body body;
};

}  // namespace postern::audit
