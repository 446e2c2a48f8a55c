// A BIO without a socket on its writing side: what TLS writes is appended to a buffer that all connections of
// the thread share, and leaves by one send(). It reads either from a descriptor or from octets lent to it.
// Owned by one connection, used on one thread; the buffer is empty between two connections' turns.
#pragma once

#include <openssl/bio.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace postern::bench {

class GatherBuffer {
 public:
  static constexpr std::size_t kBytes = 72 * 1024;  // 64 KiB of plaintext in records, and room for alerts

  bool append(std::string_view octets);  // false: no room, nothing was taken
  std::string_view view() const { return {data_.data(), used_}; }
  void clear() { used_ = 0; }

 private:
  std::array<char, kBytes> data_;
  std::size_t used_ = 0;
};

class GatherBio {
 public:
  GatherBio(GatherBuffer& buffer, int read_fd) : buffer_(buffer), read_fd_(read_fd) {}  // read_fd -1: lend()

  BIO* make_bio();  // refers to this object, which must outlive it
  void lend(std::string_view octets) { input_ = octets; }
  std::string_view unread() const { return input_; }

 private:
  static const BIO_METHOD* method();
  static int read_octets(BIO* bio, char* into, int size);
  static int write_octets(BIO* bio, const char* from, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  GatherBuffer& buffer_;
  int read_fd_;
  std::string_view input_;
};

}  // namespace postern::bench
