#include "upstreams/probe.h"

#include <array>
#include <utility>

#include "net/connector.h"
#include "relay/transport.h"
#include "session/login/upstream_setup.h"
#include "tls/engine.h"

namespace postern::server {

using session::SetupStep;

struct Probe::Impl final : net::StreamUser {
  // What a server may still say after LOGOUT is waited for this long: closing earlier would reset it.
  static constexpr std::uint64_t kFarewellMs = 1000;

  Impl(uv_loop_t* loop, ProbeTarget target_in, Done done_in)
      : target(std::move(target_in)), done(std::move(done_in)), setup(target.tls, target.tag_stem) {
    uv_timer_init(loop, &timer);
    timer.data = this;
    uv_timer_start(&timer, on_timer, milliseconds(target.timeout), 0);
    transport = net::Transport(net::Stream::make(loop, *this));
    connect_error = transport.stream()->connect(target.endpoint.address);
    if (connect_error != 0) uv_timer_start(&timer, on_timer, 0, 0);  // reported from the loop, not from here
  }

  static void on_timer(uv_timer_t* timer) {
    auto& self = *static_cast<Impl*>(timer->data);
    if (self.reported) return self.close();
    if (self.connect_error != 0) return self.on_connected(*self.transport.stream(), self.connect_error);
    self.report(self.connected ? ErrorCode::UpstreamSilent : ErrorCode::UpstreamConnectTimeout, "");
    self.close();
  }

  Memory read_memory(net::Stream&) noexcept override { return {buffer.data(), buffer.size()}; }

  void on_connected(net::Stream& stream, int error) noexcept override {
    if (error != 0) {
      report(net::error_of_connect(error), uv_strerror(error));
      return close();
    }
    connected = true;
    stream.want_reads();
    send(target.preface);
    take(setup.begin());
  }

  void on_read(net::Stream&, Octets octets) noexcept override {
    if (reported) return;  // the farewell
    if (!transport.layered()) return give(octets);
    transport.feed(octets);
    drive();
  }

  void on_read_end(net::Stream&, int error) noexcept override {
    if (!reported) report(error == 0 ? ErrorCode::UpstreamClosed : ErrorCode::UpstreamReset, "");
    close();
  }

  void on_written(net::Stream&, int) noexcept override {}
  void on_shutdown(net::Stream&) noexcept override {}

  void on_closed() noexcept override { maybe_gone(); }

  void give(Octets plain) {
    const SetupStep step = setup.input(plain);
    send(std::exchange(setup.output(), {}));
    take(step);
  }

  void take(SetupStep step) {
    switch (step) {
      case SetupStep::NeedInput:
        return;
      case SetupStep::StartTls:
        return start_tls();
      case SetupStep::Ready:
        return say_goodbye();
      case SetupStep::Failed:
        report(setup.error(), "");
        return close();
    }
  }

  void start_tls() {
    auto engine = tls::TlsEngine::connect(target.context, target.endpoint.server_name);
    if (!engine) {
      report(ErrorCode::UpstreamTls, "out of memory");
      return close();
    }
    transport.put(std::move(engine));
    transport.start(cipher);
    transport.flush(cipher);
  }

  void drive() {
    std::array<char, 4096> plain;
    while (!reported && transport.has_input()) {
      const ReadResult result = transport.read(plain.data(), plain.size(), cipher);
      transport.flush(cipher);
      switch (result.status) {
        case ReadStatus::Plain:
          give({plain.data(), result.octets});
          break;
        case ReadStatus::WantInput:
          return transport.keep();
        case ReadStatus::Handshaken: {
          const SetupStep step = setup.tls_ready();
          send(std::exchange(setup.output(), {}));
          take(step);
          break;
        }
        case ReadStatus::CloseNotify:
        case ReadStatus::Truncated:
          report(ErrorCode::UpstreamClosed, "");
          return close();
        case ReadStatus::Failed:
          report(transport.error(), transport.reason());
          return close();
      }
    }
    transport.keep();
  }

  void say_goodbye() {
    report(ErrorCode::Ok, "");
    send(target.tag_stem + "q LOGOUT\r\n");
    if (!transport.stream()) return;
    if (transport.layered()) transport.close_notify(cipher);
    transport.flush(cipher);
    transport.stream()->shutdown();
    uv_timer_start(&timer, on_timer, kFarewellMs, 0);
  }

  void send(const std::string& plain) {
    if (transport.stream()) transport.send(plain, cipher);
  }

  void report(ErrorCode code, std::string detail) {
    reported = true;
    if (!done) return;
    const Done call = std::exchange(done, nullptr);
    call({code, setup.state(), std::move(detail),
          code == ErrorCode::Ok ? setup.capabilities() : imap::CapabilityList{}});
  }

  void close() noexcept {
    if (closing) return;
    closing = true;
    transport = {};
    uv_close(reinterpret_cast<uv_handle_t*>(&timer), [](uv_handle_t* handle) {
      auto& self = *static_cast<Impl*>(handle->data);
      self.timer_closed = true;
      self.maybe_gone();
    });
  }

  void maybe_gone() noexcept {
    if (timer_closed && open_streams() == 0) delete owner;
  }

  Probe* owner = nullptr;
  ProbeTarget target;
  Done done;
  session::UpstreamSetup setup;
  uv_timer_t timer{};
  net::Transport transport;
  CipherBuffer cipher;
  std::array<char, 16 * 1024> buffer{};
  int connect_error = 0;
  bool connected = false;
  bool reported = false;
  bool closing = false;
  bool timer_closed = false;
};

Probe::Probe(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Probe::~Probe() = default;

Probe* Probe::start(uv_loop_t* loop, ProbeTarget target, Done done) {
  auto* probe = new Probe(std::make_unique<Impl>(loop, std::move(target), std::move(done)));
  probe->impl_->owner = probe;
  return probe;
}

void Probe::cancel() noexcept {
  impl_->done = nullptr;
  impl_->reported = true;
  impl_->close();
}

}  // namespace postern::server
