// Two engines, and between them a wire that the input commands: it delivers in pieces, changes, drops,
// repeats and invents octets, and ends. Whatever it does, plaintext that comes out at one end is a prefix of
// what went in at the other, an end stays the end, and waiting for input leaves none behind.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tls/context.h"
#include "tls/engine.h"
#include "unit/tls/certificates.h"

namespace {

using postern::CipherBuffer;
using postern::Octets;
using postern::ReadResult;
using postern::ReadStatus;
using postern::tls::ClientContext;
using postern::tls::ServerContext;
using postern::tls::TlsEngine;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Contexts {
  Contexts() {
    postern::tls::testing::TempFolder folder;
    postern::config::Tls settings;
    settings.certificates.push_back(
        postern::tls::testing::make_identity({.names = "DNS:mail.example,DNS:*.dept.example"})
            .in(folder, "mail"));
    settings.strict_sni = true;
    auto made = ServerContext::make(settings, std::make_shared<postern::tls::TicketKeys>());
    require(static_cast<bool>(made));
    server = *made;
    for (const auto& [verify, context] : {std::pair{postern::config::Verify::None, &trusting},
                                          std::pair{postern::config::Verify::Full, &careful}}) {
      postern::config::Upstream upstream;
      upstream.verify = verify;
      auto client = ClientContext::make(upstream);
      require(static_cast<bool>(client));
      *context = *client;
    }
  }
  std::shared_ptr<const ServerContext> server;
  std::shared_ptr<const ClientContext> trusting;
  std::shared_ptr<const ClientContext> careful;
};

const Contexts& contexts() {
  static const Contexts made;  // keys and certificates, once for all inputs
  return made;
}

struct End {
  std::unique_ptr<TlsEngine> engine;
  std::string sent;      // plaintext that write() took
  std::string received;  // plaintext that read() gave
  std::string wire;      // ciphertext on its way to this end
  ReadStatus last = ReadStatus::WantInput;
  bool ended = false;
};

class Wire {
 public:
  Wire(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  void run() {
    const std::uint8_t kind = next();
    static constexpr std::array<const char*, 4> kNames{"mail.example", "a.dept.example", "elsewhere",
                                                       "192.0.2.1"};
    ends_[0].engine =
        TlsEngine::connect((kind & 4) != 0 ? contexts().careful : contexts().trusting, kNames[kind & 3]);
    ends_[1].engine = TlsEngine::accept(contexts().server);
    require(ends_[0].engine && ends_[1].engine);
    ends_[0].engine->start(out_);
    carry(0);
    if ((kind & 8) != 0)
      for (int flights = 0; flights < 3; ++flights) deliver_all();
    while (at_ < size_) step();
    for (int flights = 0; flights < 3; ++flights) deliver_all();
    for (std::size_t i = 0; i < 2; ++i) end_of_file(i);
  }

 private:
  std::uint8_t next() { return at_ < size_ ? data_[at_++] : std::uint8_t{0}; }

  void step() {
    const std::uint8_t command = next();
    const std::size_t which = command & 1;
    End& end = ends_[which];
    const std::size_t value = next();
    switch (command >> 1 & 15) {
      case 0:
        return change(end, value);
      case 1:
        return drop(end, value);
      case 2:
        return invent(end, value);
      case 3:
        return repeat(end, value);
      case 4:
        return write(which, value * value);
      case 5:
        end.engine->close_notify(out_);
        return carry(which);
      case 6:
        if (value == 0) end_of_file(which);
        return;
      case 7:
        return end.engine->cleanse_plaintext(value % 2 != 0);
      case 8:
        return deliver_all();
      default:
        return deliver(which, 1 + value * (command >> 5 == 0 ? 1U : 64U), command >> 5);
    }
  }

  static void change(End& end, std::size_t value) {
    if (!end.wire.empty()) end.wire[value % end.wire.size()] ^= static_cast<char>(1 + value % 255);
  }
  static void drop(End& end, std::size_t value) {
    if (!end.wire.empty()) end.wire.erase(value % end.wire.size(), 1 + value % 7);
  }
  void invent(End& end, std::size_t value) {
    for (std::size_t i = 0; i < value % 64 && at_ < size_; ++i) end.wire.push_back(static_cast<char>(next()));
  }
  static void repeat(End& end, std::size_t value) { end.wire.append(end.wire.substr(0, value)); }

  void write(std::size_t which, std::size_t size) {
    End& end = ends_[which];
    std::string plain(size, '\0');
    for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<char>('a' + (end.sent.size() + i) % 23);
    const std::size_t taken = end.engine->write(plain, out_);
    require(taken <= size);
    end.sent.append(plain, 0, taken);
    carry(which);
  }

  // What the end has written goes onto the wire towards the other one.
  void carry(std::size_t which) {
    ends_[1 - which].wire.append(out_.octets());
    out_.clear();
  }

  void deliver_all() {
    for (std::size_t i = 0; i < 2; ++i) deliver(1 - i, ends_[1 - i].wire.size(), 0);
  }

  void deliver(std::size_t which, std::size_t size, unsigned manner) {
    End& end = ends_[which];
    // A copy of exactly these octets, so that one read beyond them is found.
    const std::vector<char> piece(
        end.wire.begin(), end.wire.begin() + static_cast<std::ptrdiff_t>(std::min(size, end.wire.size())));
    end.wire.erase(0, piece.size());
    end.engine->feed({piece.data(), piece.size()});
    if (manner % 2 != 0) end.engine->keep();
    if (manner == 7) return;  // kept, and read later
    read(which, manner < 4 ? 65536 : 1 + manner);
    end.engine->keep();
  }

  void read(std::size_t which, std::size_t capacity) {
    End& end = ends_[which];
    const End& other = ends_[1 - which];
    std::vector<char> plain(capacity);
    for (;;) {
      const ReadResult result = end.engine->read(plain.data(), plain.size(), out_);
      require(result.octets <= capacity && (result.octets != 0) == (result.status == ReadStatus::Plain));
      require(!end.ended || result.status == end.last);
      end.last = result.status;
      end.received.append(plain.data(), result.octets);
      carry(which);
      require(other.sent.starts_with(end.received));
      if (result.status == ReadStatus::Plain || result.status == ReadStatus::Handshaken) continue;
      require(!end.engine->has_input());
      end.ended = result.status != ReadStatus::WantInput;
      if (result.status == ReadStatus::Failed)
        require(end.engine->error() != postern::ErrorCode::Ok && !end.engine->reason().empty());
      return;
    }
  }

  void end_of_file(std::size_t which) {
    ends_[which].engine->end_of_file();
    read(which, 65536);
    require(ends_[which].ended);
  }

  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
  std::array<End, 2> ends_;  // the client's, the server's
  CipherBuffer out_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4096) Wire(data, size).run();
  return 0;
}
