// What the tests of net share: a loop that is run until something is seen, sockets of the loopback, and a
// peer that collects what it receives. Ports come from the kernel; nothing waits for time to pass.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/address.h"
#include "net/bind.h"
#include "net/stream.h"

namespace postern::net {

class Loop {
 public:
  Loop() {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does first of all
    uv_loop_init(&loop_);
    uv_timer_init(&loop_, &watchdog_);
    uv_unref(reinterpret_cast<uv_handle_t*>(&watchdog_));
    watchdog_.data = this;
  }
  ~Loop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&watchdog_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle was left open";
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* get() { return &loop_; }
  // Runs until it is so. What does not happen at all ends the test after a minute.
  void until(const std::function<bool()>& so) {
    expired_ = false;
    const auto bark = [](uv_timer_t* timer) { static_cast<Loop*>(timer->data)->expired_ = true; };
    uv_timer_start(&watchdog_, bark, 60'000, 0);
    while (!so() && !expired_) uv_run(&loop_, UV_RUN_ONCE);
    uv_timer_stop(&watchdog_);
    ASSERT_FALSE(expired_) << "it never happened";
  }
  // What is ready now, and nothing that would have to be waited for.
  void turn() { uv_run(&loop_, UV_RUN_NOWAIT); }

 private:
  uv_loop_t loop_{};
  uv_timer_t watchdog_{};
  bool expired_ = false;
};

inline sockaddr_storage address_of(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  EXPECT_EQ(::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  return address;
}

// Bound to a port of the kernel's choice; without listen() it refuses, with certainty.
inline Socket loopback_socket() {
  Result<Bound> bound = bind_sockets({"127.0.0.1", 0}, 1);
  EXPECT_TRUE(bound);
  return std::move(bound->sockets.front());
}

inline Socket listening_socket() {
  Socket socket = loopback_socket();
  EXPECT_EQ(::listen(socket.fd(), 128), 0);
  return socket;
}

// A client's socket; the connection is made when the call returns (the kernel accepts into the backlog).
inline Socket connect_to(const sockaddr_storage& address) {
  Socket socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), length_of(address)), 0)
      << std::strerror(errno);
  return socket;
}

inline sockaddr_storage loopback(std::uint16_t port) { return *parse_address("127.0.0.1", port); }

inline std::pair<Socket, Socket> connected_pair() {
  const Socket listener = listening_socket();
  Socket client = connect_to(address_of(listener));
  Socket accepted;
  while (!accepted.valid()) accepted = Socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  return {std::move(client), std::move(accepted)};
}

// One end of a connection under test, or the scripted other end of it.
class Talker final : public StreamUser {
 public:
  Talker(Loop& loop, Socket socket) : stream_(Stream::make(loop.get(), *this)) {
    EXPECT_EQ(stream_->open(std::move(socket)), 0);
    connected = true;
    stream_->want_reads();
  }
  Talker(Loop& loop, const sockaddr_storage& address) : stream_(Stream::make(loop.get(), *this)) {
    connect_error = stream_->connect(address);
  }

  // Octets and nothing but: they are queued if the kernel is full.
  void send(Octets octets) {
    const std::ptrdiff_t taken = stream_->pending_bytes() == 0 ? stream_->try_write(octets) : 0;
    if (taken < 0) return;
    octets.remove_prefix(static_cast<std::size_t>(taken));
    if (octets.empty()) return;
    std::unique_ptr<char[]> memory(new char[octets.size()]);
    std::memcpy(memory.get(), octets.data(), octets.size());
    stream_->write(std::move(memory), 0, octets.size(), false);
  }
  void read(bool on) {
    reads_ = on;
    if (on) stream_->want_reads();
  }
  void close() { stream_.reset(); }
  bool closed() const { return open_streams() == 0; }
  Stream& stream() { return *stream_; }
  bool has_received(const std::string& text) const { return received.find(text) != std::string::npos; }

  std::string received;
  std::size_t reads = 0;
  bool connected = false;
  bool ended = false;  // end of file or an error
  int end_error = 0;
  int connect_error = 0;
  std::size_t writes_done = 0;
  int write_error = 0;
  bool shut_down = false;
  std::size_t memory_bytes = sizeof(memory_);
  std::function<void(Talker&)> on_octets;  // called with each read

 private:
  Memory read_memory(Stream&) noexcept override {
    if (!reads_) return {};
    return {memory_, memory_bytes};
  }
  void on_read(Stream&, Octets octets) noexcept override {
    ++reads;
    received += octets;
    if (on_octets) on_octets(*this);
  }
  void on_read_end(Stream&, int error) noexcept override {
    ended = true;
    end_error = error;
  }
  void on_connected(Stream& stream, int error) noexcept override {
    connect_error = error;
    connected = error == 0;
    if (connected) stream.want_reads();
  }
  void on_written(Stream&, int error) noexcept override {
    ++writes_done;
    if (error != 0) write_error = error;
  }
  void on_shutdown(Stream&) noexcept override { shut_down = true; }
  void on_closed() noexcept override {}

  StreamPtr stream_;
  bool reads_ = true;
  char memory_[16 * 1024];
};

}  // namespace postern::net
