#include "tls/transform.h"

#include <algorithm>
#include <cstring>

namespace postern::tls {

std::size_t Transform::take(char* memory, std::size_t size) noexcept {
  std::size_t taken = 0;
  while (taken < size && !kept.empty()) {
    const Octets front = kept.front();
    const std::size_t part = std::min(front.size(), size - taken);
    std::memcpy(memory + taken, front.data(), part);
    kept.drop(part);
    taken += part;
  }
  const std::size_t part = std::min(borrowed.size(), size - taken);
  if (part != 0) std::memcpy(memory + taken, borrowed.data(), part);
  borrowed.remove_prefix(part);
  return taken + part;
}

bool Transform::give(Octets cipher) noexcept {
  const bool too_many = answering && ++answers > kAnswersMax;
  if (!too_many && out != nullptr && out->append(cipher)) return true;
  overrun = true;
  return false;
}

void Transform::drop_input() noexcept {
  borrowed = {};
  kept.clear();
}

namespace {

int bio_read(BIO* bio, char* memory, std::size_t size, std::size_t* taken) {
  BIO_clear_retry_flags(bio);
  auto& transform = *static_cast<Transform*>(BIO_get_data(bio));
  *taken = transform.take(memory, size);
  if (*taken != 0) return 1;
  if (!transform.end_of_file) BIO_set_retry_read(bio);
  return 0;
}

int bio_write(BIO* bio, const char* memory, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  auto& transform = *static_cast<Transform*>(BIO_get_data(bio));
  *written = transform.give({memory, size}) ? size : 0;
  return *written == size ? 1 : 0;
}

// 0 to all that is not known: an unknown 1 would switch on paths for kernel TLS.
long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command != BIO_CTRL_EOF) return 0;
  const auto& transform = *static_cast<const Transform*>(BIO_get_data(bio));
  return transform.end_of_file && transform.input_empty() ? 1 : 0;
}

using MethodPtr = std::unique_ptr<BIO_METHOD, OpensslDeleter<BIO_meth_free>>;

MethodPtr make_method() {
  MethodPtr method(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern"));
  if (!method) return nullptr;
  BIO_meth_set_read_ex(method.get(), bio_read);
  BIO_meth_set_write_ex(method.get(), bio_write);
  BIO_meth_set_ctrl(method.get(), bio_control);
  return method;
}

}  // namespace

BioPtr make_bio(Transform& transform) {
  static const MethodPtr method = make_method();  // constant: one for the process
  if (!method) return nullptr;
  BioPtr bio(BIO_new(method.get()));
  if (bio) BIO_set_data(bio.get(), &transform);
  return bio;
}

Transform& transform_of(const SSL* ssl) noexcept {
  return *static_cast<Transform*>(BIO_get_data(SSL_get_rbio(ssl)));
}

}  // namespace postern::tls
