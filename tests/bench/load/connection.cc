#include "load/connection.h"

#include <algorithm>
#include <array>

namespace postern::bench {

namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kReadAheadBytes = 256 * 1024;
std::array<char, kChunkBytes> input;  // one for all connections: there is one thread

std::string_view body_chunk() {
  static const std::string chunk = [] {
    std::string text;
    while (text.size() < kChunkBytes)
      text += "The quick brown fox jumps over the lazy dog, again and again.\r\n";
    text.resize(kChunkBytes);
    return text;
  }();
  return chunk;
}

bool answers(ResponseReader::Response response, const Step& step) {
  using Response = ResponseReader::Response;
  if (step.kind == Step::Kind::Greeting) return response == Response::Untagged;
  return response == (step.answer == Step::Answer::Tagged ? Response::Ok : Response::Continuation);
}

bool contradicts(ResponseReader::Response response, const Step& step) {
  using Response = ResponseReader::Response;
  if (response == Response::Refused) return true;
  return step.kind != Step::Kind::Greeting && response != Response::Untagged && response != Response::None;
}

}  // namespace

void Connection::start_set_up() {
  in_set_up_ = true;
  step_ = 0;
  resting_ = false;
  if (!setup_.script.set_up.empty() && !open()) return;
  advance();
}

void Connection::start_operations() {
  in_set_up_ = false;
  step_ = 0;
  advance();
}

bool Connection::open() {
  socket_ = connect_to(setup_.target);
  if (!socket_.valid()) {
    fail("connect failed");
    return false;
  }
  ++incarnation_;
  waits_for_room_ = false;
  setup_.poller.add(*socket_, EPOLLIN, *this);
  return true;
}

// Performs the step that is due, or rests if there is none.
void Connection::advance() {
  if (step_ == steps().size()) {
    if (in_set_up_) {
      resting_ = true;
      return host_.set_up_done();
    }
    if (setup_.script.connects_anew) close();
    step_ = 0;
  }
  if (!in_set_up_ && !in_operation_) {
    resting_ = steps().empty() || !host_.grant_operation();
    if (resting_) return;
    in_operation_ = true;
    started_ = now();
    if (setup_.script.connects_anew && step_ == 0 && !open()) return;
  }
  perform(steps()[step_]);
}

void Connection::perform(const Step& step) {
  switch (step.kind) {
    case Step::Kind::Greeting:
      return;
    case Step::Kind::Handshake:
      ssl_.reset(SSL_new(setup_.context));
      SSL_set_read_ahead(ssl_.get(), 1);
      SSL_set_default_read_buffer_len(ssl_.get(), kReadAheadBytes);
      SSL_set_fd(ssl_.get(), *socket_);
      SSL_set_tlsext_host_name(ssl_.get(), "localhost");
      SSL_set_connect_state(ssl_.get());
      if (setup_.script.resumes && host_.newest_ticket() != nullptr) {
        // OpenSSL lets a TLS 1.3 session be used once; others may be at work with this one.
        const SslSessionPtr copy(SSL_SESSION_dup(host_.newest_ticket()));
        SSL_set_session(ssl_.get(), copy.get());
      }
      shaking_ = true;
      return shake_hands();
    case Step::Kind::Command:
      return send("t" + std::to_string(next_tag_++) + " " + step.text + "\r\n");
    case Step::Kind::Line:
      return send(step.text + "\r\n");
    case Step::Kind::Body:
      body_octets_ = step.body_octets;
      return flush();
  }
}

void Connection::ready(std::uint32_t events) {
  if (!socket_.valid()) return;
  if (shaking_) return shake_hands();
  if ((events & EPOLLOUT) != 0) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && socket_.valid()) read_some();
}

void Connection::shake_hands() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_WRITE) return watch_for_room(true);
    if (error != SSL_ERROR_WANT_READ) fail("handshake failed");
    return;
  }
  shaking_ = false;
  watch_for_room(false);
  host_.shaken(SSL_session_reused(ssl_.get()) == 1);
  const auto incarnation = incarnation_;
  step_done();
  if (incarnation == incarnation_ && socket_.valid() && SSL_has_pending(ssl_.get()) != 0) read_some();
}

void Connection::read_some() {
  const auto incarnation = incarnation_;
  for (;;) {
    const int got = read_once(input.data(), input.size());
    if (got < 0) return fail("the server closed the connection");
    if (got == 0) break;
    host_.count_octets(static_cast<std::uint64_t>(got), 0);
    take({input.data(), static_cast<std::size_t>(got)});
    if (incarnation != incarnation_ || !socket_.valid()) return;
    if (ssl_ == nullptr || SSL_has_pending(ssl_.get()) == 0) break;
  }
  if (setup_.quickack) set_quickack(*socket_);
}

int Connection::read_once(char* into, std::size_t size) {
  if (ssl_ == nullptr) {
    const Transfer got = receive(*socket_, into, size);
    return got.state == Transfer::State::Ended ? -1 : static_cast<int>(got.octets);
  }
  const int got = SSL_read(ssl_.get(), into, static_cast<int>(size));
  if (got > 0) return got;
  const int error = SSL_get_error(ssl_.get(), got);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void Connection::take(std::string_view octets) {
  const auto incarnation = incarnation_;
  while (!octets.empty()) {
    const auto response = reader_.next(octets);
    if (response == ResponseReader::Response::None) return;
    if (resting_) continue;
    const Step& step = steps()[step_];
    if (answers(response, step)) {
      step_done();
      if (incarnation != incarnation_ || !socket_.valid()) return;
    } else if (contradicts(response, step)) {
      return fail("unexpected answer to: " + step.text.substr(0, step.text.find(' ')));
    }
  }
}

void Connection::step_done() {
  const Step& step = steps()[step_];
  ++step_;
  if (!in_set_up_ && step.ends_operation) {
    in_operation_ = false;
    host_.operation_done(now() - started_);
  }
  advance();
}

void Connection::send(std::string_view octets) {
  out_.append(octets);
  flush();
}

void Connection::flush() {
  while (!out_.empty()) {
    const std::size_t sent = write_once(out_);
    if (!socket_.valid()) return;
    if (sent == 0) return watch_for_room(true);
    host_.count_octets(0, sent);
    out_.erase(0, sent);
  }
  while (body_octets_ > 0) {
    const std::size_t due = std::min<std::uint64_t>(body_octets_, body_chunk().size());
    const std::size_t sent = write_once(body_chunk().substr(0, due));
    if (!socket_.valid()) return;
    if (sent == 0) return watch_for_room(true);
    host_.count_octets(0, sent);
    body_octets_ -= sent;
    if (body_octets_ == 0) return send("\r\n");
  }
  watch_for_room(false);
}

std::size_t Connection::write_once(std::string_view octets) {
  if (ssl_ == nullptr) {
    const Transfer sent = transmit(*socket_, octets.data(), octets.size());
    if (sent.state == Transfer::State::Ended) fail("the server closed the connection");
    return sent.octets;
  }
  const int sent = SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size()));
  if (sent > 0) return static_cast<std::size_t>(sent);
  const int error = SSL_get_error(ssl_.get(), sent);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail("the server closed the connection");
  return 0;
}

void Connection::watch_for_room(bool wanted) {
  if (wanted == waits_for_room_) return;
  waits_for_room_ = wanted;
  setup_.poller.change(*socket_, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
}

void Connection::fail(std::string_view why) {
  const bool in_operation = in_operation_;
  close();
  in_operation_ = false;
  resting_ = true;
  host_.failed(why, in_operation);
}

void Connection::close() {
  if (ssl_ != nullptr && socket_.valid() && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
  ssl_.reset();
  socket_.reset();
  reader_.reset();
  out_.clear();
  body_octets_ = 0;
  shaking_ = false;
}

}  // namespace postern::bench
