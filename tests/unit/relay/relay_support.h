// A gateway of one worker around the relay under test: it accepts on the loopback, counts, logs into a list,
// and sends logins to the scripted upstreams that a test has started. All in one loop and one thread.
#pragma once

#include <algorithm>
#include <map>

#include "relay/relay.h"
#include "unit/net/fake_services.h"
#include "unit/net/support.h"
#include "unit/relay/fake_trail.h"
#include "unit/relay/fake_upstream.h"

namespace postern::net {

class LogList final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return true; }
  void log(LogLevel level, std::string_view event, std::string_view session,
           std::initializer_list<LogField> fields) override {
    std::string line(event);
    line.append(" session=").append(session);
    for (const LogField& field : fields) line.append(" ").append(field.key).append("=").append(field.value);
    lines.push_back(line);
    levels.push_back(level);
  }
  // The only line of that event.
  std::string line(const std::string& event) const {
    std::string found;
    for (const std::string& each : lines) {
      if (!each.starts_with(event + " session=")) continue;
      EXPECT_EQ(found, "") << "more than one line: " << event;
      found = each;
    }
    return found;
  }
  bool has(const std::string& text) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& each) { return each.find(text) != std::string::npos; });
  }
  std::vector<std::string> lines;
  std::vector<LogLevel> levels;
};

class FakeLedger final : public Ledger {
 public:
  struct Seat final : UserSeat {
    Instant next_command(Instant now) noexcept override { return now; }
    bool brakes() const noexcept override { return false; }
    bool charge(std::uint64_t, Instant) override { return true; }
    void refund(std::uint64_t, Instant) override {}
    void not_counted() noexcept override {}
  };
  std::unique_ptr<ClientSeat> seat_client(std::string_view address) override {
    seated.emplace_back(address);
    return full ? nullptr : std::make_unique<ClientSeat>();
  }
  bool has_seat(std::string_view) override { return true; }
  std::unique_ptr<UserSeat> seat_user(std::string_view) override { return std::make_unique<Seat>(); }
  bool may_log_in(std::string_view, std::string_view user, Instant) override { return user != banned; }
  Duration login_failed(std::string_view address, std::string_view user, Instant) override {
    failed.push_back(std::string(address) + " " + std::string(user));
    return std::chrono::milliseconds(1);
  }
  void login_succeeded(std::string_view, std::string_view user, Instant) override {
    succeeded.emplace_back(user);
  }
  bool full = false;  // no client finds a seat
  std::vector<std::string> seated;
  std::string banned = "nobody";
  std::vector<std::string> failed;
  std::vector<std::string> succeeded;
};

class Gateway final : public RelayHost, public Acceptor, public Routes {
 public:
  Gateway(Loop& loop, config::ListenerTls tls) : loop_(loop), listener_(*this, 0) {
    settings->limits.timeouts.handshake = settings->limits.timeouts.login = std::chrono::minutes(5);
    cells_.listeners.resize(1);
    cells_.upstreams.resize(1);
    facts.listener = "front";
    facts.tls = tls;
    uv_idle_init(loop.get(), &idle_);
    idle_.data = this;
    Socket socket = loopback_socket();
    address = address_of(socket);
    EXPECT_TRUE(listener_.open(loop.get(), std::move(socket)));
  }
  ~Gateway() override {
    listener_.close();
    for (const auto& [relay, owner] : relays) relay->kill();
    loop_.until([&] { return relays.empty(); });
    uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
    loop_.turn();
  }

  uv_loop_t* loop() noexcept override { return loop_.get(); }
  Scratch& scratch() noexcept override { return scratch_; }
  telemetry::WorkerCells& cells() noexcept override { return cells_; }
  Ledger& ledger() noexcept override { return ledger_; }
  LogSink& log() noexcept override { return log_; }
  AuditTrail* audit() noexcept override { return audited ? &trail : nullptr; }
  Services& services() noexcept override { return services_; }
  Candidates candidates(const filters::SessionFacts&, const TlsFacts&,
                        const std::string& user) const override {
    asked_for.push_back(user);
    return upstream;
  }
  void enqueue(Relay& relay) override {
    queue_.push_back(&relay);
    uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<Gateway*>(idle->data)->run_queue(); });
  }
  void ended(Relay& relay) noexcept override {
    EXPECT_TRUE(scratch_.gather.empty());
    dead_.push_back(relays.extract(&relay));
    ++ended_sessions;
  }

  Relay& only() { return *relays.begin()->first; }
  telemetry::ListenerCells& listener() { return cells_.listeners[0]; }
  telemetry::UpstreamCells& upstream_cells() { return cells_.upstreams[0]; }
  std::uint64_t connects(telemetry::ConnectResult result) {
    return upstream_cells().connects[telemetry::index_of(result)].load();
  }
  std::uint64_t closed(CloseReason reason) { return listener().closed[telemetry::index_of(reason)].load(); }
  std::uint64_t buffered() {
    return cells_.side(Side::Client).buffered_bytes.load() +
           cells_.side(Side::Upstream).buffered_bytes.load();
  }

  std::shared_ptr<config::Settings> settings = std::make_shared<config::Settings>();
  std::shared_ptr<const tls::ServerContext> server_context;
  filters::SessionFacts facts;
  std::string proxy;              // by whose PROXY header
  std::uint16_t client_port = 0;  // of the client that came last
  Candidates upstream;
  sockaddr_storage address{};
  FakeLedger ledger_;
  FakeTrail trail;
  FakeServices services_{ledger_, trail};
  bool audited = false;
  std::shared_ptr<const filters::Policy> policy;
  LogList log_;
  std::map<Relay*, std::unique_ptr<Relay>> relays;
  mutable std::vector<std::string> asked_for;
  std::size_t ended_sessions = 0;
  std::size_t turns = 0;

 private:
  void accepted(std::size_t, Socket client, Peer peer) noexcept override {
    RelayOptions options;
    options.settings = settings;
    options.routes = {std::shared_ptr<void>(), this};
    options.offer = std::make_shared<session::Offer>(session::make_offer({{"IMAP4rev1", "IDLE"}}, *settings));
    options.server_context = server_context;
    options.facts = facts;
    options.facts.client_address = peer.address;
    options.facts.client_port = client_port = peer.port;
    options.proxy = proxy;
    options.policy = policy;
    options.facts.session_id = "s" + std::to_string(++serial_);
    options.tag_seed = serial_;
    auto relay = std::make_unique<Relay>(*this, std::move(options));
    Relay& started = *relay;
    relays.emplace(&started, std::move(relay));
    started.start(std::move(client));
  }
  void accept_failed(std::size_t, int) noexcept override { FAIL(); }
  void run_queue() {
    std::vector<Relay*> round;
    round.swap(queue_);
    for (Relay* relay : round) {
      ++turns;
      relay->turn();
    }
    if (queue_.empty()) uv_idle_stop(&idle_);
    dead_.clear();
  }

  Loop& loop_;
  Listener listener_;
  uv_idle_t idle_{};
  Scratch scratch_;
  telemetry::WorkerCells cells_;
  std::vector<Relay*> queue_;
  std::vector<std::map<Relay*, std::unique_ptr<Relay>>::node_type> dead_;
  std::uint64_t serial_ = 0;
};

}  // namespace postern::net
