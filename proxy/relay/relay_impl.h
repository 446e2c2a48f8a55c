// The inside of Relay, split by what is done: relay.cc (libuv's callbacks and the pump), relay_input.cc,
// relay_output.cc, relay_actions.cc (what the session asks for), relay_audit.cc, relay_closing.cc. Private.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/pace.h"
#include "base/side.h"
#include "net/address.h"
#include "net/connector.h"
#include "relay/relay.h"
#include "relay/transport.h"
#include "session/ask.h"
#include "session/session.h"

namespace postern::net {

// One of the two connections. The upstream's is made anew for each dial.
struct Leg {
  Transport transport;
  bool connected = false;
  bool read_ended = false;                 // the kernel said end of file, or an error
  bool end_reported = false;               // the session knows that this side has ended
  bool handshake_settled = false;          // counted as done or failed
  bool backlog = false;                    // the layers have input that the session does not want yet
  ReadStatus tls_end = ReadStatus::Plain;  // how the stream in the layers ended; Plain: it has not
  int read_error = 0;                      // libuv's; 0: end of file
  Instant handshake_started;

  Stream* stream() const noexcept { return transport.stream(); }
  bool layered() const noexcept { return transport.layered(); }
};

struct Relay::Impl final : StreamUser, Asker {
  // A client that does not read gets so long for each block that is left when its session has ended, …
  static constexpr Duration kFlushTime = std::chrono::seconds(10);
  // … and then so long to close its side; its last octets would otherwise turn our FIN into a reset, which
  // eats the BYE in the client's receive queue.
  static constexpr Duration kLingerTime = std::chrono::seconds(1);
  // At most so many octets of plaintext are copied for one write that waits for a slow peer.
  static constexpr std::size_t kPendingBytes = 64 * 1024;
  // A peer that asks for TLS answers (KeyUpdate) and does not read them is not read from any more.
  static constexpr std::size_t kAnswerBacklogBytes = 256 * 1024;
  // What a session may take at once under limits.bandwidth_per_session is a second's worth, but at least so
  // much; and one read takes no more than a second's worth, but at least so much.
  static constexpr std::uint64_t kLeastBurst = 64 * 1024;
  static constexpr std::size_t kLeastRead = 4 * 1024;
  // Ranges shorter than this go into one TLS record together.
  static constexpr std::size_t kSmallRange = 1024;
  static constexpr std::size_t kJoinedBytes = 4096;

  enum class Phase : std::uint8_t { Open, Flushing, Lingering, Closed };

  Impl(Relay& self, RelayHost& host, RelayOptions options);
  ~Impl();

  // relay.cc
  void start(Socket client);
  void turn();
  void drain();
  Memory read_memory(Stream& stream) noexcept override;
  void on_read(Stream& stream, Octets octets) noexcept override;
  void on_read_end(Stream& stream, int error) noexcept override;
  void on_connected(Stream& stream, int error) noexcept override;
  void on_written(Stream& stream, int error) noexcept override;
  void on_shutdown(Stream& stream) noexcept override;
  void on_closed() noexcept override;
  void answered(std::uint64_t id, asked::Answer answer) noexcept override;
  void kill();
  void on_timer() noexcept;
  void stamp() noexcept { now_ = instant_from_ns(uv_hrtime()); }
  void pump(bool stirred);
  void tell_written() noexcept;
  bool step(Side side);
  void settle();
  bool wants_octets(Side side) noexcept;
  Instant readable_at() const noexcept;
  bool may_read(Side side) noexcept;
  void arm_timer() noexcept;
  void update_gauges() noexcept;
  void wipe_scratch() noexcept;
  void maybe_ended() noexcept;

  // relay_input.cc
  void give(Side side, Octets plain);
  bool drive(Side side);
  void handshaken(Side side);
  // `reason`: for the audit trail; a constant.
  void handshake_failed(Side side, telemetry::HandshakeFailure failure, std::string_view reason);
  bool report_end(Side side);
  session::Event end_event(Side side);

  // relay_output.cc
  void send_preface();
  void write_out(Side side);
  void write_plain(Side side, bool all);
  void write_tls(Side side);
  std::size_t write_record(Side side);
  CipherBuffer& gather_for(Side side);
  void flush_gather();
  void count_sent(Side side) noexcept;
  void write_broke(Side side) noexcept;

  // relay_actions.cc
  void carry_out();
  void act(const session::Connect& connect);
  void act(const session::ClientKnown& known);
  void act(const session::StartTls& start);
  void act(session::Ask& ask);
  void act(session::Forget& forget);
  void act(session::Recorded& recorded);
  void act(const session::PolicyDecision& decision);
  void act(const session::LoginResult& result);
  void act(const session::Disconnect& disconnect);
  void act(const session::Close& close);
  void dial();
  void dial_failed(ErrorCode code, std::string_view clock = {});  // the clock that struck, if one did
  void settle_connect(ErrorCode code) noexcept;
  void start_engine(Side side);
  void log_login(const session::LoginResult& result);

  // relay_audit.cc
  bool audits(std::uint16_t bits) const noexcept;  // of namespace config::audited
  void begin_audit(Peer local, std::string proxy);
  void name_client(Peer local, bool proxied);
  void record(audit::Outcome outcome, std::string_view reason, std::string user, audit::Body body);
  void record_handshake(Side side, const TlsFacts& tls, std::string_view failure);  // empty: none
  void record_login(const session::LoginResult& result);
  void record_dial(ErrorCode code);
  void record_decision(const session::PolicyDecision& decision, const config::Rule* rule, bool observed,
                       std::string_view verdict);
  void record_end(const ErrorRow& why);

  // relay_closing.cc
  void leave_upstream();
  void flush_rest();
  void close_handles();
  const ErrorRow& why_ended() const noexcept;
  void account() noexcept;
  void log_end();

  Leg& leg(Side side) noexcept { return legs_[static_cast<std::size_t>(side)]; }
  Side side_of(const Stream& stream) const noexcept {
    return legs_[0].stream() == &stream ? Side::Client : Side::Upstream;
  }
  Scratch& scratch() noexcept { return host_.scratch(); }
  telemetry::SideCells& side_cells(Side side) noexcept { return host_.cells().side(side); }
  const filters::SessionFacts& facts() const noexcept {
    return session_ ? session_->facts() : options_->facts;
  }
  telemetry::ListenerCells& listener_cells() noexcept {
    return host_.cells().listeners[facts().listener_index];
  }
  telemetry::UpstreamCells& upstream_cells() noexcept { return host_.cells().upstreams[upstream_]; }

  Relay& self_;
  RelayHost& host_;
  // Until the session is made: it takes over what it needs, and an idle relay holds nothing twice.
  std::unique_ptr<RelayOptions> options_;
  std::shared_ptr<const config::Settings> settings_;
  std::shared_ptr<const Routes> routes_;
  std::shared_ptr<const tls::ServerContext> server_context_;
  std::unique_ptr<ClientSeat> seat_;
  std::shared_ptr<const audit::Connection> audited_;  // null where nothing is recorded
  std::optional<session::Session> session_;
  std::array<Leg, 2> legs_;
  std::unique_ptr<Connector> connector_;  // while a login may still want the next endpoint
  uv_timer_t timer_{};
  Instant now_;
  Instant started_;
  Instant timer_at_ = Instant::max();
  Pace bandwidth_;  // of both sides together, in octets of plaintext
  Instant close_at_ = Instant::max();
  Instant dialled_;
  Instant reached_;                // TCP, or TLS where there is some, with the endpoint dialled last
  std::string_view upstream_tls_;  // its version; empty: none, or not yet
  std::uint64_t logins_ = 0;       // attempts
  std::array<std::uint64_t, 2> received_{};
  std::array<std::uint64_t, 2> sent_{};
  std::array<std::size_t, 2> gauge_{};  // what this relay has added to buffered_bytes
  std::size_t upstream_ = 0;            // of the endpoint dialled last
  std::string endpoint_;                // its text; empty: none was
  std::size_t secret_bytes_ = 0;        // of scratch().plain, to be wiped when the pump ends
  Side gather_side_ = Side::Client;
  Phase phase_ = Phase::Open;
  bool clean_ = true;
  bool close_notified_ = false;
  bool killed_ = false;
  bool timer_open_ = false;
  bool queued_ = false;             // in the host's run queue
  bool connect_unsettled_ = false;  // a dial whose outcome is not counted yet
};

}  // namespace postern::net
