#include "net/listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace postern::net {
namespace {

// accept(2): errors of the connection that was to be accepted, not of the listener.
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Lives until libuv has closed both handles, which may be after the Listener.
struct Listener::Handles {
  uv_poll_t poll{};
  uv_timer_t rest{};
  Socket socket;
  Listener* owner = nullptr;
  bool paused = false;
  bool resting = false;
  int open = 2;

  void accept_turn() noexcept;
  void rest_after(int error) noexcept;
  void update() noexcept;
  void closed() noexcept {
    if (--open == 0) delete this;
  }

  static void on_ready(uv_poll_t* poll, int status, int) noexcept {
    auto& self = *static_cast<Handles*>(poll->data);
    if (status < 0)
      self.rest_after(-status);
    else
      self.accept_turn();
  }
  static void on_rested(uv_timer_t* timer) noexcept {
    auto& self = *static_cast<Handles*>(timer->data);
    self.resting = false;
    self.update();
  }
};

// The socket is polled exactly while the listener neither is paused nor rests.
void Listener::Handles::update() noexcept {
  if (paused || resting)
    uv_poll_stop(&poll);
  else
    uv_poll_start(&poll, UV_READABLE, on_ready);
}

void Listener::Handles::rest_after(int error) noexcept {
  resting = true;
  uv_timer_start(&rest, on_rested, kRestMs, 0);
  update();
  owner->acceptor_.accept_failed(owner->index_, error);
}

void Listener::Handles::accept_turn() noexcept {
  // The worker may pause or close this listener from within accepted(): then `owner` or `paused` says so.
  for (int i = 0; i < kConnectionsPerTurn && owner != nullptr && !paused; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    Socket client(
        ::accept4(socket.fd(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.valid()) {
      owner->acceptor_.accepted(owner->index_, std::move(client), peer_of(address));
      continue;
    }
    if (errno == EAGAIN) return;
    if (concerns_one_connection(errno)) continue;
    rest_after(errno);
    return;
  }
}

Listener::Listener(Acceptor& acceptor, std::size_t index) : acceptor_(acceptor), index_(index) {}

Listener::~Listener() { close(); }

Result<void> Listener::open(uv_loop_t* loop, Socket bound) {
  if (::listen(bound.fd(), kBacklog) != 0)
    return Error{ErrorCode::SystemCall, std::string("listen: ") + std::strerror(errno)};
  auto handles = std::make_unique<Handles>();
  if (const int rc = uv_poll_init_socket(loop, &handles->poll, bound.fd()); rc != 0)
    return Error{ErrorCode::SystemCall, std::string("cannot poll a listening socket: ") + uv_strerror(rc)};
  uv_timer_init(loop, &handles->rest);
  handles->poll.data = handles->rest.data = handles.get();
  handles->socket = std::move(bound);
  handles->owner = this;
  handles_ = handles.release();
  handles_->update();
  return {};
}

void Listener::pause() noexcept {
  if (handles_ == nullptr || handles_->paused) return;
  handles_->paused = true;
  handles_->update();
}

void Listener::resume() noexcept {
  if (handles_ == nullptr || !(handles_->paused || handles_->resting)) return;
  handles_->paused = handles_->resting = false;
  uv_timer_stop(&handles_->rest);
  handles_->update();
}

bool Listener::paused() const noexcept { return handles_ != nullptr && handles_->paused; }

void Listener::close() noexcept {
  Handles* handles = std::exchange(handles_, nullptr);
  if (handles == nullptr) return;
  handles->owner = nullptr;
  const auto closed = [](uv_handle_t* handle) { static_cast<Handles*>(handle->data)->closed(); };
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->poll), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->rest), closed);
  handles->socket.close();
}

}  // namespace postern::net
