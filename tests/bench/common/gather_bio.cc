#include "common/gather_bio.h"

#include <algorithm>
#include <cstring>

#include "common/socket.h"

namespace postern::bench {

bool GatherBuffer::append(std::string_view octets) {
  if (octets.size() > data_.size() - used_) return false;
  std::memcpy(data_.data() + used_, octets.data(), octets.size());
  used_ += octets.size();
  return true;
}

const BIO_METHOD* GatherBio::method() {
  static const BIO_METHOD* const shared = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gather");
    BIO_meth_set_read(made, read_octets);
    BIO_meth_set_write(made, write_octets);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return shared;
}

BIO* GatherBio::make_bio() {
  BIO* bio = BIO_new(method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

int GatherBio::read_octets(BIO* bio, char* into, int size) {
  auto& self = *static_cast<GatherBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.read_fd_ >= 0) {
    const Transfer got = receive(self.read_fd_, into, static_cast<std::size_t>(size));
    if (got.state == Transfer::State::Done) return static_cast<int>(got.octets);
    if (got.state == Transfer::State::WouldBlock) BIO_set_retry_read(bio);
    return got.state == Transfer::State::WouldBlock ? -1 : 0;
  }
  if (self.input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = std::min(self.input_.size(), static_cast<std::size_t>(size));
  std::memcpy(into, self.input_.data(), taken);
  self.input_.remove_prefix(taken);
  return static_cast<int>(taken);
}

int GatherBio::write_octets(BIO* bio, const char* from, int size) {
  auto& self = *static_cast<GatherBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.buffer_.append({from, static_cast<std::size_t>(size)})) return size;
  BIO_set_retry_write(bio);
  return -1;
}

long GatherBio::control(BIO*, int command, long, void*) {
  // An answer of 1 to a command that is not known switches on paths for kernel TLS.
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace postern::bench
