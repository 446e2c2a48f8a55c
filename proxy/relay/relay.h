// Joins one Session, its TLS engines and its two streams: carries octets between them and carries out the
// session's actions. It interprets no IMAP. Owned by its Worker, used on the worker's thread only.
//
// pump() is the only loop: every libuv callback of the relay ends in it and nothing below it calls out, so
// nothing is freed under anyone's feet. A relay that has ended closes its handles and tells its host by
// ended(); only then, from the run queue or a close callback and never inside pump(), is it destroyed.
#pragma once

#include <uv.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cipher_buffer.h"
#include "base/log_sink.h"
#include "base/seats.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/session_facts.h"
#include "net/candidates.h"
#include "net/socket.h"
#include "record/audit_trail.h"
#include "session/ask.h"
#include "session/environment.h"
#include "telemetry/cells.h"
#include "tls/context.h"

namespace postern::net {

// The memory that all sessions of one worker share; alive during one pump (design: "the way of an octet").
struct Scratch {
  static constexpr std::size_t kCipherBytes = 128 * 1024;
  static constexpr std::size_t kPlainBytes = 64 * 1024;
  std::unique_ptr<char[]> cipher_in{new char[kCipherBytes]};
  std::unique_ptr<char[]> plain{new char[kPlainBytes]};
  CipherBuffer gather;
};

class Relay;

// What a relay needs of its worker. All calls are made on the worker's thread.
class RelayHost {
 public:
  virtual ~RelayHost() = default;
  virtual uv_loop_t* loop() noexcept = 0;
  virtual Scratch& scratch() noexcept = 0;
  virtual telemetry::WorkerCells& cells() noexcept = 0;
  virtual Ledger& ledger() noexcept = 0;
  virtual LogSink& log() noexcept = 0;
  virtual AuditTrail* audit() noexcept = 0;  // null: nothing is recorded
  virtual Services& services() noexcept = 0;
  // The relay has work that waits for the other sessions' turn: call its turn() from the run queue.
  virtual void enqueue(Relay& relay) = 0;
  // All handles are closed: the relay may be destroyed, but not before this call has returned.
  virtual void ended(Relay& relay) noexcept = 0;
};

// Who knows where the logins of a session go. The session's relay holds it from accept to the end: what
// routes a session is of one plan with what judges it, whatever was loaded meanwhile. Worker's thread only.
class Routes {
 public:
  virtual ~Routes() = default;
  virtual Candidates candidates(const filters::SessionFacts& facts, const TlsFacts& tls,
                                const std::string& user) const = 0;
};

// What a relay is made with; held to the session's end.
struct RelayOptions {
  std::shared_ptr<const config::Settings> settings;  // usually an alias into the Snapshot
  std::shared_ptr<const Routes> routes;              // of the same plan
  std::shared_ptr<const session::Offer> offer;
  std::shared_ptr<const filters::UserRewrite> user_rewrite = {};  // null: names go as they come
  std::shared_ptr<const filters::Policy> policy;                  // null without rules
  // Lives as long as `settings`.
  std::shared_ptr<const std::vector<std::size_t>> rule_slots;  // by rule: its place in WorkerCells::rules
  std::shared_ptr<const tls::ServerContext> server_context;    // null on a clear text listener
  filters::SessionFacts facts;
  std::string proxy = {};    // the balancer whose PROXY header names the client; empty: none
  std::string_view version;  // of this program; a constant
  std::uint64_t tag_seed = 0;
  std::unique_ptr<ClientSeat> seat = {};  // null: a trusted proxy's, which speaks for nobody yet
};

class Relay {
 public:
  // options.facts names the client already (the Listener learnt it from accept).
  Relay(RelayHost& host, RelayOptions options);
  ~Relay();  // before start(), or after ended()
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Takes over an accepted, connected, non-blocking socket. Whatever becomes of it, ended() is called in the
  // end, and never from within start().
  void start(Socket client);
  void turn();   // from the run queue
  void drain();  // SIGTERM: BYE at the next response boundary
  void kill();   // at the end of limits.timeouts.drain: close now
  const std::string& id() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
