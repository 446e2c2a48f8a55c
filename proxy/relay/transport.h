// How the octets of one connection travel: a Stream and the layers over it (TLS; none while it is in clear).
// Owned by what owns the connection (a Relay's leg, a Probe), on its loop's thread. Calls nobody back: ends
// and failures are values.
//
// Without a layer there is nothing to take off: what was received is used where it lies, and offer() sends
// from where it lies. With layers coded octets are fed from where libuv read them, and collected in a buffer
// of the caller's, `out`, which holds octets of this transport alone until flush(). No octet is copied on the
// way but those that the kernel does not take.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/octet_layer.h"
#include "net/stream.h"

namespace postern::net {

class Transport {
 public:
  static constexpr std::size_t kLayersMax = 2;  // TLS, and what may lie upon it
  // So much that the kernel did not take is worth giving the whole of `out` away for; less is copied.
  static constexpr std::size_t kDonatedBytes = 8 * 1024;

  Transport() noexcept = default;  // no connection: only stream(), broken() and keep() may be called
  explicit Transport(StreamPtr stream) noexcept : stream_(std::move(stream)) {}

  Stream* stream() const noexcept { return stream_.get(); }
  // Upon what there is; kLayersMax at most. What was received before must have been used up.
  void put(std::unique_ptr<OctetLayer> layer) noexcept;
  bool layered() const noexcept { return count_ != 0; }

  // Towards the user; only where there is a layer. The members are those of OctetLayer, for the whole stack.
  void start(CipherBuffer& out);  // the layer that was put last
  void feed(Octets coded) { layers_[0]->feed(coded); }
  void end_of_file() noexcept { layers_[0]->end_of_file(); }
  ReadResult read(char* plain, std::size_t capacity, CipherBuffer& out);  // makes room in `out` itself
  bool has_input() const noexcept {
    return count_ != 0 && (layers_[0]->has_input() || (count_ > 1 && layers_[1]->has_input()));
  }
  void keep() {
    if (count_ != 0) keep_layers();
  }
  bool handshaken() const noexcept {  // true without a layer
    return count_ == 0 || (layers_[0]->handshaken() && (count_ == 1 || layers_[1]->handshaken()));
  }
  TlsFacts take_facts() noexcept { return layers_[count_ - 1]->take_facts(); }
  ErrorCode error() const noexcept { return failed().error(); }
  const std::string& reason() const noexcept { return failed().reason(); }
  void cleanse_plaintext(bool on) noexcept;

  // Towards the peer, with layers.
  std::size_t write(Octets plain, CipherBuffer& out);
  void close_notify(CipherBuffer& out);  // of all layers, the uppermost first
  // Empties `out`: by one system call, and what the kernel did not take waits in the stream.
  void flush(CipherBuffer& out);
  // Towards the peer, without layers: how many octets the kernel took, 0 if the stream is broken, too.
  std::size_t offer(const iovec* ranges, std::size_t count) noexcept;
  void queue(std::unique_ptr<char[]> memory, std::size_t size, bool secret);
  // Either way, all of it. Nothing goes while a handshake is under way.
  void send(Octets plain, CipherBuffer& out);

  // Nothing more can be sent; what the peer sent before is still read.
  bool broken() const noexcept { return broken_; }
  void break_off() noexcept { broken_ = true; }
  // Octets given to the kernel or to the stream's queue since this was asked last.
  std::uint64_t take_sent() noexcept { return std::exchange(sent_, 0); }

 private:
  // What goes from layer to layer; there is one only while octets are on their way through two.
  struct Between;

  void keep_layers();
  Between& between();
  ReadResult read_stacked(char* plain, std::size_t capacity, CipherBuffer& out);
  void pass_down(CipherBuffer& out);
  std::size_t account(std::ptrdiff_t told) noexcept;
  void queue_rest(Octets octets);
  const OctetLayer& failed() const noexcept;

  struct DeleteBetween {
    void operator()(Between* between) const noexcept;
  };

  StreamPtr stream_;
  std::array<std::unique_ptr<OctetLayer>, kLayersMax> layers_;  // the lowest first
  std::unique_ptr<Between, DeleteBetween> between_;
  std::uint64_t sent_ = 0;
  std::uint8_t count_ = 0;
  bool broken_ = false;
};

}  // namespace postern::net
