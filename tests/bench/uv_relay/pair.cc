#include "uv_relay/pair.h"

#include <string>

namespace postern::bench {

struct Pair::Write {
  uv_write_t request{};
  std::string octets;
  uv_tcp_t* from = nullptr;  // is read again once the octets are gone
};

void Pair::start(UvSetup& setup, uv_stream_t* listener) {
  auto* pair = new Pair(setup);  // freed by on_closed()
  for (uv_tcp_t* handle : {&pair->client_, &pair->upstream_}) {
    uv_tcp_init(setup.loop, handle);
    handle->data = pair;
    ++pair->open_handles_;
  }
  if (uv_accept(listener, reinterpret_cast<uv_stream_t*>(&pair->client_)) != 0) return pair->close();
  uv_tcp_nodelay(&pair->client_, 1);
  pair->ssl_.reset(SSL_new(setup.context));
  BIO* bio = pair->bio_.make_bio();
  SSL_set_bio(pair->ssl_.get(), bio, bio);
  SSL_set_accept_state(pair->ssl_.get());
  pair->resume(pair->client_);
}

void Pair::give_cipher(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto& memory = of(handle).setup_.cipher_in;
  *buffer = uv_buf_init(memory.data(), static_cast<unsigned>(memory.size()));
}

void Pair::give_plain(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto& memory = of(handle).setup_.plain;
  *buffer = uv_buf_init(memory.data(), static_cast<unsigned>(memory.size()));
}

void Pair::on_client_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  Pair& pair = of(reinterpret_cast<uv_handle_t*>(stream));
  if (count < 0) return pair.close();
  pair.bio_.lend({buffer->base, static_cast<std::size_t>(count)});
  if (!pair.shaken_) pair.shake_hands();
  if (pair.shaken_) pair.relay_from_client();
}

void Pair::shake_hands() {
  const int result = SSL_do_handshake(ssl_.get());
  const bool failed = result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ;
  send_gathered();
  if (failed) return close();
  if (result != 1) return;
  shaken_ = true;
  connect_upstream();
}

void Pair::connect_upstream() {
  connect_.data = this;
  const int result = uv_tcp_connect(&connect_, &upstream_,
                                    reinterpret_cast<const sockaddr*>(&setup_.upstream), on_connected);
  if (result != 0) close();
}

void Pair::on_connected(uv_connect_t* request, int status) {
  Pair& pair = *static_cast<Pair*>(request->data);
  if (pair.closing_) return;
  if (status != 0) return pair.close();
  uv_tcp_nodelay(&pair.upstream_, 1);
  pair.resume(pair.upstream_);
}

void Pair::relay_from_client() {
  // A last SSL_read that only says "nothing more" would cost a sixth of a NOOP: it is not made unless a
  // record is incomplete, which SSL_has_pending does not tell apart.
  const auto pending = [this] { return !bio_.unread().empty() || SSL_has_pending(ssl_.get()) != 0; };
  auto& plain = setup_.plain;
  bool dry = false;
  while (!closing_ && !dry && pending()) {
    std::size_t length = 0;
    bool ended = false;
    do {
      const int got = SSL_read(ssl_.get(), plain.data() + length, static_cast<int>(plain.size() - length));
      dry = got <= 0;
      ended = dry && SSL_get_error(ssl_.get(), got) != SSL_ERROR_WANT_READ;
      if (!dry) length += static_cast<std::size_t>(got);
    } while (!dry && length < plain.size() && pending());
    if (length > 0) send(upstream_, client_, {plain.data(), length});
    if (ended) close();
  }
}

void Pair::on_upstream_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  Pair& pair = of(reinterpret_cast<uv_handle_t*>(stream));
  if (count > 0) return pair.relay_from_upstream({buffer->base, static_cast<std::size_t>(count)});
  if (count == 0) return;
  SSL_shutdown(pair.ssl_.get());
  pair.send_gathered();
  pair.close();
}

void Pair::relay_from_upstream(std::string_view plain) {
  while (!plain.empty()) {
    const int sent = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    if (sent <= 0) return close();
    plain.remove_prefix(static_cast<std::size_t>(sent));
  }
  send_gathered();
}

void Pair::send_gathered() {
  if (setup_.gather.view().empty()) return;
  send(client_, upstream_, setup_.gather.view());
  setup_.gather.clear();
}

void Pair::send(uv_tcp_t& to, uv_tcp_t& from, std::string_view octets) {
  auto* stream = reinterpret_cast<uv_stream_t*>(&to);
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(octets.data()), static_cast<unsigned>(octets.size()));
  const int taken = uv_try_write(stream, &buffer, 1);
  if (taken > 0) octets.remove_prefix(static_cast<std::size_t>(taken));
  if (octets.empty()) return;
  auto* write = new Write{{}, std::string(octets), &from};  // freed by on_written()
  write->request.data = write;
  buffer = uv_buf_init(write->octets.data(), static_cast<unsigned>(write->octets.size()));
  if (uv_write(&write->request, stream, &buffer, 1, on_written) != 0) {
    delete write;
    return;
  }
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&from));
}

void Pair::on_written(uv_write_t* request, int) {
  auto* write = static_cast<Write*>(request->data);
  uv_tcp_t* from = write->from;
  const bool drained = request->handle->write_queue_size == 0;
  delete write;
  Pair& pair = of(reinterpret_cast<uv_handle_t*>(from));
  if (!pair.closing_ && drained) pair.resume(*from);
}

void Pair::resume(uv_tcp_t& from) {
  auto* stream = reinterpret_cast<uv_stream_t*>(&from);
  if (&from == &client_) {
    uv_read_start(stream, give_cipher, on_client_read);
  } else if (shaken_ && uv_is_readable(stream) != 0) {
    uv_read_start(stream, give_plain, on_upstream_read);
  }
}

void Pair::close() {
  if (closing_) return;
  closing_ = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&client_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&upstream_), on_closed);
}

void Pair::on_closed(uv_handle_t* handle) {
  Pair* pair = &of(handle);
  if (--pair->open_handles_ == 0) delete pair;
}

}  // namespace postern::bench
