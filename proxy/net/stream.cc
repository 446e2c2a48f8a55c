#include "net/stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/secret.h"
#include "net/address.h"

namespace postern::net {

struct Stream::Write {
  uv_write_t request{};
  std::unique_ptr<char[]> memory;
  std::size_t offset = 0;
  std::size_t size = 0;
  bool secret = false;

  ~Write() {
    if (secret) wipe(memory.get(), offset + size);
  }
};

StreamPtr Stream::make(uv_loop_t* loop, StreamUser& user) {
  StreamPtr stream(new Stream(user));
  uv_tcp_init(loop, &stream->tcp_);  // makes no socket yet: cannot fail
  stream->tcp_.data = stream.get();
  return stream;
}

void CloseStream::operator()(Stream* stream) const noexcept { Stream::close(stream); }

void Stream::close(Stream* stream) noexcept {
  stream->closing_ = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&stream->tcp_), [](uv_handle_t* handle) {
    auto* self = static_cast<Stream*>(handle->data);
    StreamUser& user = self->user_;
    delete self;
    user.on_closed();
  });
}

int Stream::open(Socket connected) noexcept {
  const int rc = uv_tcp_open(&tcp_, connected.fd());
  if (rc == 0) connected.release();
  return rc;
}

int Stream::connect(const sockaddr_storage& address) noexcept {
  Socket socket = make_tcp_socket(address.ss_family);
  if (!socket.valid() || !set_tcp_options(socket.fd())) return uv_translate_sys_error(errno);
  if (const int rc = open(std::move(socket)); rc != 0) return rc;
  auto request = std::make_unique<uv_connect_t>();
  const auto done = [](uv_connect_t* finished, int status) {
    const std::unique_ptr<uv_connect_t> owner(finished);
    auto& self = *static_cast<Stream*>(finished->handle->data);
    if (!self.closing_) self.user_.on_connected(self, status);
  };
  const int rc = uv_tcp_connect(request.get(), &tcp_, reinterpret_cast<const sockaddr*>(&address), done);
  if (rc == 0) static_cast<void>(request.release());
  return rc;
}

void Stream::want_reads() noexcept {
  if (reading_ || closing_) return;
  reading_ = uv_read_start(handle(), allocate, received) == 0;
}

void Stream::allocate(uv_handle_t* handle, std::size_t, uv_buf_t* out) noexcept {
  auto& self = *static_cast<Stream*>(handle->data);
  *out = uv_buf_init(nullptr, 0);
  if (self.yields_) return;
  const StreamUser::Memory memory = self.user_.read_memory(self);
  *out = uv_buf_init(memory.begin, static_cast<unsigned>(memory.size));
}

void Stream::received(uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) noexcept {
  auto& self = *static_cast<Stream*>(handle->data);
  if (size == 0) return;  // EAGAIN
  if (size == UV_ENOBUFS) {
    // After a full read the loop comes back to this socket by itself, behind the others.
    if (std::exchange(self.yields_, false)) return;
    uv_read_stop(handle);
    self.reading_ = false;
    return;
  }
  if (size > 0) {
    self.yields_ = static_cast<std::size_t>(size) == buffer->len;
    self.user_.on_read(self, Octets(buffer->base, static_cast<std::size_t>(size)));
    return;
  }
  uv_read_stop(handle);
  self.reading_ = false;
  self.user_.on_read_end(self, size == UV_EOF ? 0 : static_cast<int>(size));
}

std::ptrdiff_t Stream::try_write(const iovec* ranges, std::size_t count) noexcept {
  uv_buf_t buffers[kRangesPerWrite];
  count = std::min(count, kRangesPerWrite);
  for (std::size_t i = 0; i < count; ++i)
    buffers[i] =
        uv_buf_init(static_cast<char*>(ranges[i].iov_base), static_cast<unsigned>(ranges[i].iov_len));
  const int rc = uv_try_write(handle(), buffers, static_cast<unsigned>(count));
  return rc == UV_EAGAIN ? 0 : rc;
}

std::ptrdiff_t Stream::try_write(Octets octets) noexcept {
  const iovec range{const_cast<char*>(octets.data()), octets.size()};
  return try_write(&range, 1);
}

void Stream::write(std::unique_ptr<char[]> memory, std::size_t offset, std::size_t size, bool secret) {
  auto write = std::make_unique<Write>();
  write->memory = std::move(memory);
  write->offset = offset;
  write->size = size;
  write->secret = secret;
  write->request.data = write.get();
  const uv_buf_t buffer = uv_buf_init(write->memory.get() + offset, static_cast<unsigned>(size));
  // Fails only on a handle without a socket; what cannot be sent is then dropped, and the reads tell why.
  if (uv_write(&write->request, handle(), &buffer, 1, written) == 0) static_cast<void>(write.release());
}

void Stream::written(uv_write_t* request, int status) noexcept {
  const std::unique_ptr<Write> write(static_cast<Write*>(request->data));
  auto& self = *static_cast<Stream*>(request->handle->data);
  if (!self.closing_) self.user_.on_written(self, status);
}

int Stream::shutdown() {
  auto request = std::make_unique<uv_shutdown_t>();
  const auto done = [](uv_shutdown_t* finished, int) {
    const std::unique_ptr<uv_shutdown_t> owner(finished);
    auto& self = *static_cast<Stream*>(finished->handle->data);
    if (!self.closing_) self.user_.on_shutdown(self);
  };
  const int rc = uv_shutdown(request.get(), handle(), done);
  if (rc == 0) static_cast<void>(request.release());
  return rc;
}

}  // namespace postern::net
