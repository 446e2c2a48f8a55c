#include "floor/pair.h"

#include <array>
#include <utility>

namespace postern::bench {

namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
std::array<char, kChunkBytes> scratch;  // one for all pairs: there is one thread

bool wants_more(SSL* ssl, int result) {
  const int error = SSL_get_error(ssl, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

}  // namespace

Pair::Pair(const FloorSetup& setup, Fd client)
    : setup_(setup), client_(std::move(client)), upstream_watcher_(*this) {}

void Pair::start(const FloorSetup& setup, Fd client) {
  auto* pair = new Pair(setup, std::move(client));  // freed by close()
  setup.poller.add(*pair->client_, EPOLLIN, *pair);
  if (setup.context == nullptr) {
    pair->shaken_ = true;
    return pair->connect_upstream();
  }
  pair->ssl_.reset(SSL_new(setup.context));
  SSL_set_read_ahead(pair->ssl_.get(), 1);
  if (setup.gather != nullptr) {
    pair->bio_ = std::make_unique<GatherBio>(*setup.gather, *pair->client_);
    BIO* bio = pair->bio_->make_bio();
    SSL_set_bio(pair->ssl_.get(), bio, bio);
  } else {
    SSL_set_fd(pair->ssl_.get(), *pair->client_);
  }
  SSL_set_accept_state(pair->ssl_.get());
}

void Pair::ready(std::uint32_t events) {
  if (!client_.valid()) return;
  if ((events & EPOLLOUT) != 0) {
    flush_client();
    if (!client_.valid()) return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  if (!shaken_) return shake_hands();
  client_readable();
}

void Pair::shake_hands() {
  const int result = SSL_do_handshake(ssl_.get());
  if (!send_gathered()) return;
  if (result != 1) {
    if (!wants_more(ssl_.get(), result)) close();
    return;
  }
  shaken_ = true;
  connect_upstream();
  if (client_.valid() && SSL_has_pending(ssl_.get()) != 0) client_readable();
}

void Pair::connect_upstream() {
  upstream_ = connect_to(setup_.upstream);
  if (!upstream_.valid()) return close();
  setup_.poller.add(*upstream_, EPOLLIN, upstream_watcher_);
}

void Pair::client_readable() {
  if (!to_upstream_.empty()) return;
  if (ssl_ == nullptr) {
    const Transfer got = receive(*client_, scratch.data(), scratch.size());
    if (got.state == Transfer::State::Ended) return close();
    if (got.octets > 0) send_to_upstream({scratch.data(), got.octets});
    return;
  }
  // Level-triggered polling does not tell of records that OpenSSL has already read: none may stay behind.
  bool dry = false;
  while (!dry && client_.valid() && to_upstream_.empty()) {
    std::size_t length = 0;
    bool ended = false;
    do {
      const int got =
          SSL_read(ssl_.get(), scratch.data() + length, static_cast<int>(scratch.size() - length));
      dry = got <= 0;
      ended = dry && !wants_more(ssl_.get(), got);
      if (!dry) length += static_cast<std::size_t>(got);
    } while (!dry && length < scratch.size() && SSL_has_pending(ssl_.get()) != 0);
    dry = dry || SSL_has_pending(ssl_.get()) == 0;
    if (!send_gathered()) return;  // a key update may have been answered
    if (length > 0) send_to_upstream({scratch.data(), length});
    if (ended) close();
  }
}

void Pair::send_to_upstream(std::string_view plain) {
  const Transfer sent = transmit(*upstream_, plain.data(), plain.size());
  if (sent.state == Transfer::State::Ended) return close();
  if (sent.octets == plain.size()) return;
  to_upstream_ = plain.substr(sent.octets);
  update_interest();
}

void Pair::upstream_ready(std::uint32_t events) {
  if (!client_.valid()) return;
  if ((events & EPOLLOUT) != 0) {
    flush_upstream();
    if (!client_.valid()) return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) upstream_readable();
}

void Pair::upstream_readable() {
  if (!to_client_.empty()) return;
  const Transfer got = receive(*upstream_, scratch.data(), scratch.size());
  if (got.state == Transfer::State::WouldBlock) return;
  if (got.state == Transfer::State::Done) return send_to_client({scratch.data(), got.octets});
  if (ssl_ != nullptr) SSL_shutdown(ssl_.get());
  if (send_gathered()) close();
}

void Pair::send_to_client(std::string_view plain) {
  while (!plain.empty()) {
    if (ssl_ == nullptr) {
      const Transfer sent = transmit(*client_, plain.data(), plain.size());
      if (sent.state == Transfer::State::Ended) return close();
      plain.remove_prefix(sent.octets);
      break;
    }
    const int sent = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    if (sent <= 0) {
      if (!wants_more(ssl_.get(), sent)) return close();
      break;
    }
    plain.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (bio_ != nullptr) {
    send_gathered();
    return;
  }
  if (plain.empty()) return;
  to_client_ = plain;
  update_interest();
}

bool Pair::send_gathered() {
  if (bio_ == nullptr || setup_.gather->view().empty()) return true;
  const std::string_view octets = setup_.gather->view();
  Transfer sent;
  if (to_client_.empty()) sent = transmit(*client_, octets.data(), octets.size());
  if (sent.state != Transfer::State::Ended) to_client_.append(octets.substr(sent.octets));
  setup_.gather->clear();
  if (sent.state == Transfer::State::Ended) {
    close();
    return false;
  }
  if (!to_client_.empty()) update_interest();
  return true;
}

void Pair::flush_client() {
  if (bio_ == nullptr) {
    send_to_client(std::exchange(to_client_, {}));
    if (!client_.valid()) return;
  } else {
    const Transfer sent = transmit(*client_, to_client_.data(), to_client_.size());
    if (sent.state == Transfer::State::Ended) return close();
    to_client_.erase(0, sent.octets);
  }
  update_interest();
}

void Pair::flush_upstream() {
  const Transfer sent = transmit(*upstream_, to_upstream_.data(), to_upstream_.size());
  if (sent.state == Transfer::State::Ended) return close();
  to_upstream_.erase(0, sent.octets);
  update_interest();
  if (to_upstream_.empty() && ssl_ != nullptr && SSL_has_pending(ssl_.get()) != 0) client_readable();
}

void Pair::update_interest() {
  const std::uint32_t client = (to_upstream_.empty() ? EPOLLIN : 0U) | (to_client_.empty() ? 0U : EPOLLOUT);
  const std::uint32_t upstream = (to_client_.empty() ? EPOLLIN : 0U) | (to_upstream_.empty() ? 0U : EPOLLOUT);
  if (client != client_interest_) setup_.poller.change(*client_, client, *this);
  client_interest_ = client;
  if (upstream_.valid() && upstream != upstream_interest_)
    setup_.poller.change(*upstream_, upstream, upstream_watcher_);
  upstream_interest_ = upstream;
}

void Pair::close() {
  if (!client_.valid()) return;
  client_.reset();
  upstream_.reset();
  setup_.poller.retire(std::unique_ptr<Watcher>(this));
}

}  // namespace postern::bench
