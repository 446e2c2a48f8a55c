#include "server/probe.h"

#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "net/connector.h"
#include "net/stream.h"
#include "session/upstream_setup.h"
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
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(target.timeout).count();
    uv_timer_start(&timer, on_timer, static_cast<std::uint64_t>(limit), 0);
    stream = net::Stream::make(loop, *this);
    connect_error = stream->connect(target.endpoint.address);
    if (connect_error != 0) uv_timer_start(&timer, on_timer, 0, 0);  // reported from the loop, not from here
  }

  static void on_timer(uv_timer_t* timer) {
    auto& self = *static_cast<Impl*>(timer->data);
    if (self.reported) return self.close();
    if (self.connect_error != 0) return self.on_connected(*self.stream, self.connect_error);
    self.report(self.connected ? ErrorCode::UpstreamSilent : ErrorCode::UpstreamConnectTimeout, "");
    self.close();
  }

  Memory read_memory(net::Stream&) noexcept override { return {buffer.data(), buffer.size()}; }

  void on_connected(net::Stream&, int error) noexcept override {
    if (error != 0) {
      report(net::error_of_connect(error), uv_strerror(error));
      return close();
    }
    connected = true;
    stream->want_reads();
    if (!target.preface.empty()) write(target.preface);
    take(setup.begin());
  }

  void on_read(net::Stream&, Octets octets) noexcept override {
    if (reported) return;  // the farewell
    if (engine)
      feed(octets);
    else
      give(octets);
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
    engine = tls::TlsEngine::connect(target.context, target.endpoint.server_name);
    if (!engine) {
      report(ErrorCode::UpstreamTls, "out of memory");
      return close();
    }
    engine->start(cipher);
    flush();
  }

  void feed(Octets octets) {
    engine->feed(octets);
    std::array<char, 4096> plain;
    while (engine && !reported && engine->has_input()) {
      const tls::ReadResult result = engine->read(plain.data(), plain.size(), cipher);
      flush();
      switch (result.status) {
        case tls::ReadStatus::Octets:
          give({plain.data(), result.octets});
          break;
        case tls::ReadStatus::WantInput:
          return engine->keep();
        case tls::ReadStatus::Handshaken: {
          const SetupStep step = setup.tls_ready();
          send(std::exchange(setup.output(), {}));
          take(step);
          break;
        }
        case tls::ReadStatus::CloseNotify:
        case tls::ReadStatus::Truncated:
          report(ErrorCode::UpstreamClosed, "");
          return close();
        case tls::ReadStatus::Failed:
          report(engine->error(), engine->reason());
          return close();
      }
    }
    if (engine) engine->keep();
  }

  void say_goodbye() {
    report(ErrorCode::Ok, "");
    send(target.tag_stem + "q LOGOUT\r\n");
    if (engine) engine->close_notify(cipher);
    flush();
    if (stream) stream->shutdown();
    uv_timer_start(&timer, on_timer, kFarewellMs, 0);
  }

  void send(const std::string& plain) {
    if (plain.empty() || !stream) return;
    if (!engine) return write(plain);
    engine->write(plain, cipher);
    flush();
  }

  void flush() {
    if (!cipher.empty() && stream) write(cipher.octets());
    cipher.clear();
  }

  void write(Octets octets) {
    auto memory = std::make_unique<char[]>(octets.size());
    std::memcpy(memory.get(), octets.data(), octets.size());
    stream->write(std::move(memory), 0, octets.size(), false);
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
    stream.reset();
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
  net::StreamPtr stream;
  std::unique_ptr<tls::TlsEngine> engine;
  tls::CipherBuffer cipher;
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
