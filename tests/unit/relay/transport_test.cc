#include "relay/transport.h"

#include <sys/uio.h>

#include <vector>

#include "tls/context.h"
#include "tls/engine.h"
#include "unit/net/support.h"
#include "unit/tls/certificates.h"

namespace postern::net {
namespace {

// One end of a connection, in clear until layers are put on it.
class End final : public StreamUser {
 public:
  End(Loop& loop, Socket socket) : transport(Stream::make(loop.get(), *this)) {
    EXPECT_EQ(transport.stream()->open(std::move(socket)), 0);
    transport.stream()->want_reads();
  }

  void put(std::unique_ptr<tls::TlsEngine> engine) {
    transport.put(std::move(engine));
    transport.start(out);
    transport.flush(out);
  }
  void send(const std::string& plain) { transport.send(plain, out); }
  void close_notify() {
    transport.close_notify(out);
    transport.flush(out);
  }

  Transport transport;
  CipherBuffer out;
  std::string received;
  std::size_t handshakes = 0;
  std::size_t memory_bytes = 64 * 1024;
  ReadStatus end = ReadStatus::WantInput;
  bool read_ended = false;

 private:
  Memory read_memory(Stream&) noexcept override { return {memory_.data(), memory_bytes}; }
  void on_read(Stream&, Octets octets) noexcept override {
    if (!transport.layered()) return void(received += octets);
    transport.feed(octets);
    read();
    transport.keep();
  }
  void on_read_end(Stream&, int) noexcept override {
    read_ended = true;
    if (!transport.layered() || end != ReadStatus::WantInput) return;
    transport.end_of_file();
    read();
  }
  void on_connected(Stream&, int) noexcept override {}
  void on_written(Stream&, int) noexcept override {}
  void on_shutdown(Stream&) noexcept override {}
  void on_closed() noexcept override {}

  void read() {
    for (;;) {
      std::vector<char> plain(3000);  // fewer than a record holds
      const ReadResult result = transport.read(plain.data(), plain.size(), out);
      transport.flush(out);
      received.append(plain.data(), result.octets);
      if (result.status == ReadStatus::Handshaken) ++handshakes;
      if (result.status == ReadStatus::Plain || result.status == ReadStatus::Handshaken) continue;
      if (result.status != ReadStatus::WantInput) end = result.status;
      return;
    }
  }

  std::vector<char> memory_ = std::vector<char>(memory_bytes);
};

class TransportTest : public ::testing::Test {
 protected:
  TransportTest() {
    auto [mine, theirs] = connected_pair();
    client_ = std::make_unique<End>(loop_, std::move(mine));
    server_ = std::make_unique<End>(loop_, std::move(theirs));
    config::Tls settings;
    settings.certificates = {
        tls::testing::make_identity({"gateway", "DNS:mail.example"}).in(folder_, "gateway")};
    auto made = tls::ServerContext::make(settings, std::make_shared<tls::TicketKeys>());
    EXPECT_TRUE(made);
    server_context_ = *made;
  }
  ~TransportTest() override {
    client_->transport = {};
    server_->transport = {};
    loop_.until([&] { return client_->open_streams() + server_->open_streams() == 0; });
  }

  std::unique_ptr<tls::TlsEngine> asking(config::Verify verify = config::Verify::None) {
    config::Upstream settings;
    settings.verify = verify;
    auto made = tls::ClientContext::make(settings);
    EXPECT_TRUE(made);
    return tls::TlsEngine::connect(*made, "mail.example");
  }
  void put_layer() {
    const std::size_t before = client_->handshakes;
    server_->put(tls::TlsEngine::accept(server_context_));
    client_->put(asking());
    loop_.until([&] { return client_->handshakes > before && server_->handshakes > before; });
    EXPECT_TRUE(client_->transport.handshaken());
    EXPECT_TRUE(server_->transport.handshaken());
  }
  // So much that octets lost or exchanged are seen.
  static std::string much(std::size_t size) {
    std::string block;
    while (block.size() < 9973) block += std::to_string(block.size()) + " ";
    block.resize(9973);  // a prime
    std::string all;
    while (all.size() < size) all += block;
    return all;
  }
  void carries(End& from, End& to, const std::string& text) {
    to.received.clear();
    from.send(text);
    loop_.until([&] { return to.received.size() >= text.size(); });
    EXPECT_TRUE(to.received == text);
  }

  tls::testing::TempFolder folder_;
  std::shared_ptr<const tls::ServerContext> server_context_;
  Loop loop_;
  std::unique_ptr<End> client_;
  std::unique_ptr<End> server_;
};

TEST_F(TransportTest, CarriesOctetsInClearWithoutALayer) {
  EXPECT_FALSE(client_->transport.layered());
  EXPECT_TRUE(client_->transport.handshaken());
  EXPECT_FALSE(client_->transport.has_input());
  carries(*client_, *server_, "a1 NOOP\r\n");
  EXPECT_EQ(client_->transport.take_sent(), 9U);
  EXPECT_EQ(client_->transport.take_sent(), 0U);
  const std::string large = much(8 << 20);
  carries(*client_, *server_, large);
  EXPECT_EQ(client_->transport.take_sent(), large.size());
}

TEST_F(TransportTest, OffersRangesAndQueuesTheRest) {
  std::string head = "* 1 FETCH ";
  std::string rest = "(FLAGS ())\r\n";
  const iovec range{head.data(), head.size()};
  EXPECT_EQ(client_->transport.offer(&range, 1), head.size());
  std::unique_ptr<char[]> memory(new char[rest.size()]);
  std::copy(rest.begin(), rest.end(), memory.get());
  client_->transport.queue(std::move(memory), rest.size(), true);
  EXPECT_EQ(client_->transport.take_sent(), head.size() + rest.size());
  loop_.until([&] { return server_->received == head + rest; });
}

TEST_F(TransportTest, CarriesOctetsThroughOneLayer) {
  put_layer();
  EXPECT_TRUE(client_->transport.take_facts().secure);
  carries(*client_, *server_, "a1 NOOP\r\n");
  carries(*server_, *client_, much(8 << 20));
}

TEST_F(TransportTest, CarriesOctetsThroughTwoLayers) {
  put_layer();
  put_layer();
  carries(*client_, *server_, "a1 NOOP\r\n");
  carries(*server_, *client_, much(8 << 20));
  carries(*client_, *server_, much(1 << 20));
}

TEST_F(TransportTest, CarriesOctetsThroughTwoLayersInPiecesOfAnySize) {
  put_layer();
  put_layer();
  for (std::size_t bytes : {1U, 2U, 7U, 100U, 5000U}) {
    server_->memory_bytes = bytes;
    carries(*client_, *server_, much(30 * 1000));
  }
}

TEST_F(TransportTest, EndsBothLayers) {
  put_layer();
  put_layer();
  client_->send("a1 LOGOUT\r\n");
  client_->close_notify();
  loop_.until([&] { return server_->end != ReadStatus::WantInput; });
  EXPECT_EQ(server_->end, ReadStatus::CloseNotify);
  EXPECT_EQ(server_->received, "a1 LOGOUT\r\n");
}

TEST_F(TransportTest, TellsThatTwoLayersWereCutShort) {
  put_layer();
  put_layer();
  EXPECT_EQ(client_->transport.stream()->shutdown(), 0);
  loop_.until([&] { return server_->end != ReadStatus::WantInput; });
  EXPECT_EQ(server_->end, ReadStatus::Truncated);
}

TEST_F(TransportTest, TellsTheErrorOfTheLayerThatFailed) {
  put_layer();
  server_->put(tls::TlsEngine::accept(server_context_));
  client_->put(asking(config::Verify::Full));
  EXPECT_FALSE(client_->transport.handshaken());
  loop_.until([&] { return client_->end != ReadStatus::WantInput; });
  EXPECT_EQ(client_->end, ReadStatus::Failed);
  EXPECT_EQ(client_->transport.error(), ErrorCode::UpstreamCertificate);
  EXPECT_FALSE(client_->transport.reason().empty());
  loop_.until([&] { return server_->end != ReadStatus::WantInput; });
  EXPECT_EQ(server_->end, ReadStatus::Failed) << "the alert went through the lower layer";
}

TEST_F(TransportTest, SendsNothingWhileAHandshakeIsUnderWay) {
  client_->put(asking());
  EXPECT_GT(client_->transport.take_sent(), 0U) << "the first flight";
  client_->send("a1 NOOP\r\n");
  EXPECT_EQ(client_->transport.take_sent(), 0U);
}

TEST_F(TransportTest, IsBrokenOnceNothingCanBeSent) {
  server_->transport = {};
  loop_.until([&] {
    client_->send("a1 NOOP\r\n");
    loop_.turn();
    return client_->transport.broken();
  });
  client_->transport.take_sent();
  client_->send("a2 NOOP\r\n");
  EXPECT_EQ(client_->transport.take_sent(), 0U);
}

}  // namespace
}  // namespace postern::net
