// One client and its upstream in the libuv relay: the same handles, the same BIO and the same scratch buffers
// as a gateway on libuv would use, but no IMAP. What a gateway costs above it is the price of its framing.
// Owned by itself: freed when both handles have been closed. Used on the one loop of the process.
#pragma once

#include <uv.h>

#include <array>
#include <string_view>

#include "common/gather_bio.h"
#include "common/tls.h"

namespace postern::bench {

// What all pairs of the loop share; the buffers are in use during one callback only.
struct UvSetup {
  static constexpr std::size_t kCipherBytes = 128 * 1024;
  static constexpr std::size_t kPlainBytes = 64 * 1024;

  uv_loop_t* loop = nullptr;
  SSL_CTX* context = nullptr;
  sockaddr_in upstream{};
  std::array<char, kCipherBytes> cipher_in;
  std::array<char, kPlainBytes> plain;
  GatherBuffer gather;
};

class Pair {
 public:
  static void start(UvSetup& setup, uv_stream_t* listener);

 private:
  explicit Pair(UvSetup& setup) : setup_(setup), bio_(setup.gather, -1) {}

  struct Write;  // octets that the kernel did not take at once

  static Pair& of(uv_handle_t* handle) { return *static_cast<Pair*>(handle->data); }
  static void give_cipher(uv_handle_t* handle, std::size_t, uv_buf_t* buffer);
  static void give_plain(uv_handle_t* handle, std::size_t, uv_buf_t* buffer);
  static void on_client_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  static void on_upstream_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  static void on_connected(uv_connect_t* request, int status);
  static void on_written(uv_write_t* request, int status);
  static void on_closed(uv_handle_t* handle);

  void shake_hands();
  void relay_from_client();
  void relay_from_upstream(std::string_view plain);
  void connect_upstream();
  void send_gathered();
  void send(uv_tcp_t& to, uv_tcp_t& from, std::string_view octets);
  void resume(uv_tcp_t& from);
  void close();

  UvSetup& setup_;
  uv_tcp_t client_{};
  uv_tcp_t upstream_{};
  uv_connect_t connect_{};
  GatherBio bio_;
  SslPtr ssl_;
  int open_handles_ = 0;
  bool shaken_ = false;
  bool closing_ = false;
};

}  // namespace postern::bench
