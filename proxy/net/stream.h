// One connected TCP socket on a libuv loop (a pipe later): reads into memory that its user lends, writes
// without copying as far as the kernel takes it, and owns what waits for a slow peer. Used on its loop's
// thread. It never calls its user from within one of its own functions: only libuv's callbacks do.
//
// A Stream outlives its StreamPtr: closing detaches nothing but the user's interest in octets; on_closed() is
// the last call, after which the Stream is gone and its user may be.
#pragma once

#include <sys/uio.h>
#include <uv.h>

#include <cstddef>
#include <memory>

#include "base/octets.h"
#include "net/socket.h"

namespace postern::net {

class Stream;

class StreamUser {
 public:
  struct Memory {
    char* begin = nullptr;
    std::size_t size = 0;
  };
  // Where the next octets are put, valid until on_read() returns. Empty: nothing is wanted now; the stream
  // then stops reading until want_reads().
  virtual Memory read_memory(Stream& stream) noexcept = 0;
  virtual void on_read(Stream& stream, Octets octets) noexcept = 0;
  virtual void on_read_end(Stream& stream, int error) noexcept = 0;   // 0: end of file; else libuv's error
  virtual void on_connected(Stream& stream, int error) noexcept = 0;  // after connect()
  virtual void on_written(Stream& stream, int error) noexcept = 0;    // a write() has ended
  virtual void on_shutdown(Stream& stream) noexcept = 0;
  virtual void on_closed() noexcept = 0;

  // Streams made for this user whose handles libuv has not closed yet: it must outlive them.
  std::size_t open_streams() const noexcept { return open_streams_; }

 protected:
  ~StreamUser() = default;

 private:
  friend class Stream;
  std::size_t open_streams_ = 0;
};

struct CloseStream {
  void operator()(Stream* stream) const noexcept;
};
using StreamPtr = std::unique_ptr<Stream, CloseStream>;  // closes at its end

class Stream {
 public:
  static constexpr std::size_t kRangesPerWrite = 64;

  static StreamPtr make(uv_loop_t* loop, StreamUser& user);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // These return 0 or libuv's error.
  int open(Socket connected) noexcept;                    // the socket is closed if this fails
  int connect(const sockaddr_storage& address) noexcept;  // then on_connected()

  // Starts reading if it does not. There is no counterpart: a stream whose user lends no memory stops by
  // itself when octets arrive, so a short pause costs no system call.
  void want_reads() noexcept;
  bool reads() const noexcept { return reading_; }

  // One system call; how many octets the kernel took (0: none, or a write() is pending), or libuv's error.
  std::ptrdiff_t try_write(const iovec* ranges, std::size_t count) noexcept;
  std::ptrdiff_t try_write(Octets octets) noexcept;
  // Sends `size` octets from `offset` behind all that is pending; owns the memory until on_written().
  // `secret`: the memory is wiped then.
  void write(std::unique_ptr<char[]> memory, std::size_t offset, std::size_t size, bool secret);
  std::size_t pending_bytes() const noexcept {  // in write()s that have not ended
    return uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&tcp_));
  }
  int shutdown();  // behind all that is pending; 0 and then on_shutdown(), or libuv's error

 private:
  friend struct CloseStream;
  struct Write;

  explicit Stream(StreamUser& user) : user_(user) { ++user_.open_streams_; }
  ~Stream() { --user_.open_streams_; }
  uv_stream_t* handle() noexcept { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  static void allocate(uv_handle_t* handle, std::size_t, uv_buf_t* out) noexcept;
  static void received(uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) noexcept;
  static void written(uv_write_t* request, int status) noexcept;
  static void close(Stream* stream) noexcept;

  uv_tcp_t tcp_{};
  StreamUser& user_;
  bool reading_ = false;
  bool yields_ = false;  // the last read filled its memory: let other sessions have their turn
  bool closing_ = false;
};

}  // namespace postern::net
