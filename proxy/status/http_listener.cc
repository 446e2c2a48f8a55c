#include "status/http_listener.h"

#include <array>
#include <cstring>
#include <ctime>
#include <utility>

#include "net/stream.h"

namespace postern::server {
namespace {

// RFC 9110 §5.6.7.
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), length};
}

}  // namespace

class StatusListener::Connection final : net::StreamUser {
 public:
  explicit Connection(StatusListener& listener)
      : listener_(listener),
        http_(listener.handler_, http_date),
        stream_(net::Stream::make(listener.loop_, *this)) {}
  ~Connection() = default;

  void start(net::Socket client) {
    allow(listener_.times_.request_ms);
    if (stream_->open(std::move(client)) != 0) return close();
    stream_->want_reads();
  }

  bool late(std::uint64_t now_ms) const noexcept { return now_ms >= deadline_ms_; }
  // The Connection frees itself when libuv has closed its handle.
  void close() {
    if (!stream_) return;
    listener_.remove(*this);
    stream_.reset();
  }

 private:
  // Nothing is read while an answer waits to be taken.
  Memory read_memory(net::Stream&) noexcept override {
    if (!leaving_ && !http_.output().empty()) return {};
    return {buffer_.data(), buffer_.size()};
  }

  void on_read(net::Stream&, Octets octets) noexcept override {
    if (leaving_) return;  // read to the end, so that a reset does not cut off our answer
    const bool began = http_.in_request();
    http_.input(octets);
    if (!http_.output().empty()) return send();
    if (!began && http_.in_request()) allow(listener_.times_.request_ms);
  }

  void on_read_end(net::Stream&, int error) noexcept override {
    // A client may close its half behind its request and still wait for the answer.
    const bool answering = error == 0 && !leaving_ && !http_.output().empty();
    if (answering)
      half_closed_ = true;
    else
      close();
  }

  void on_written(net::Stream&, int error) noexcept override {
    if (error != 0) return close();
    const bool last = http_.closing();
    http_.sent();
    if (!http_.output().empty()) return send();
    if (half_closed_) return close();
    if (last) return leave();
    allow(http_.in_request() ? listener_.times_.request_ms : listener_.times_.idle_ms);
    stream_->want_reads();
  }

  void on_connected(net::Stream&, int) noexcept override {}
  void on_shutdown(net::Stream&) noexcept override {}
  void on_closed() noexcept override { delete this; }

  void send() {
    const std::string& answer = http_.output();
    auto copy = std::make_unique<char[]>(answer.size());
    std::memcpy(copy.get(), answer.data(), answer.size());
    allow(listener_.times_.request_ms);
    stream_->write(std::move(copy), 0, answer.size(), false);
  }

  void leave() {
    leaving_ = true;
    allow(listener_.times_.request_ms);
    if (stream_->shutdown() != 0) return close();
    stream_->want_reads();
  }

  void allow(std::uint64_t ms) noexcept { deadline_ms_ = uv_now(listener_.loop_) + ms; }

  StatusListener& listener_;
  HttpSession http_;
  net::StreamPtr stream_;
  std::array<char, 4096> buffer_{};
  std::uint64_t deadline_ms_ = 0;
  bool half_closed_ = false;
  bool leaving_ = false;
};

StatusListener::StatusListener(uv_loop_t* loop, HttpSession::Handler handler, StatusTimes times)
    : loop_(loop), handler_(std::move(handler)), times_(times), listener_(*this, 0), timer_(new uv_timer_t) {
  uv_timer_init(loop_, timer_);
  timer_->data = this;
}

StatusListener::~StatusListener() { close(); }

Result<void> StatusListener::open(net::Socket bound) { return listener_.open(loop_, std::move(bound)); }

void StatusListener::close() {
  if (std::exchange(closed_, true)) return;
  listener_.close();
  while (!connections_.empty()) connections_.front()->close();
  uv_close(reinterpret_cast<uv_handle_t*>(timer_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

void StatusListener::accepted(std::size_t, net::Socket client, net::Peer) noexcept {
  if (connections_.size() >= kConnectionsMax) return;  // the socket closes: refused
  if (connections_.empty()) uv_timer_start(timer_, on_timer, times_.sweep_ms, times_.sweep_ms);
  connections_.push_back(new Connection(*this));
  connections_.back()->start(std::move(client));
}

void StatusListener::accept_failed(std::size_t, int) noexcept {}  // the workers complain of the same

void StatusListener::on_timer(uv_timer_t* timer) {
  auto& self = *static_cast<StatusListener*>(timer->data);
  const std::uint64_t now = uv_now(self.loop_);
  for (auto next = self.connections_.begin(); next != self.connections_.end();) {
    Connection& connection = **next++;
    if (connection.late(now)) connection.close();
  }
}

void StatusListener::remove(Connection& connection) {
  connections_.remove(&connection);
  if (connections_.empty()) uv_timer_stop(timer_);
}

}  // namespace postern::server
