// The two ends of a TLS connection in memory: an engine of ours, or an OpenSSL client of the test's own that
// can do what ours never does (offer ALPN or old versions, resume, renegotiate, flood).
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tls/context.h"
#include "tls/engine.h"
#include "unit/tls/certificates.h"

namespace postern::tls::testing {

// How ciphertext is cut on its way into an engine.
struct Delivery {
  std::size_t chunk = 0;      // octets of a piece; 0 = whole
  std::size_t first = 0;      // octets of the first piece of the whole stream; 0 = like the others
  bool keep = false;          // keep() before each read
  std::size_t plain = 65536;  // capacity of the reader's buffer
};

class EngineEnd {
 public:
  explicit EngineEnd(std::unique_ptr<TlsEngine> engine, Delivery delivery = {})
      : engine_(std::move(engine)), delivery_(delivery) {}

  TlsEngine& engine() { return *engine_; }
  void start();
  void deliver(const std::string& cipher);
  void end_of_file();
  void close() { engine_->close_notify(out_); }
  // Everything, however little room there was.
  void send(const std::string& plain);
  std::string take_cipher();

  const std::string& received() const { return received_; }
  // All that read() has said, octets and waiting aside: Handshaken, then the end.
  const std::vector<ReadStatus>& events() const { return events_; }
  ReadStatus end() const { return events_.empty() ? ReadStatus::WantInput : events_.back(); }

 private:
  void read_all();

  std::unique_ptr<TlsEngine> engine_;
  Delivery delivery_;
  CipherBuffer out_;
  std::string outgoing_;
  std::string received_;
  std::vector<ReadStatus> events_;
};

// A client made of OpenSSL alone, with memory BIOs.
class RawClient {
 public:
  using Setup = std::function<void(SSL_CTX*, SSL*)>;
  explicit RawClient(const Setup& setup = {});
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  SSL* ssl() { return ssl_; }
  void start() { step(); }
  void deliver(const std::string& cipher);
  void send(const std::string& plain);
  std::string take_cipher();
  const std::string& received() const { return received_; }
  bool handshaken() const { return SSL_is_init_finished(ssl_) == 1; }
  // The alert that the server sent, by OpenSSL's name; empty if none did.
  const std::string& alert() const { return alert_; }
  std::string peer_common_name() const;
  // A session to resume with; the last ticket that came.
  std::shared_ptr<SSL_SESSION> session() const;

 private:
  void step();
  static int on_session(SSL* ssl, SSL_SESSION* session);
  static void on_info(const SSL* ssl, int where, int value);

  SSL_CTX* context_;
  SSL* ssl_;
  std::string received_;
  std::string alert_;
  std::shared_ptr<SSL_SESSION> session_;
};

// Carries ciphertext both ways until both are silent.
template <typename A, typename B>
void converse(A& a, B& b) {
  for (;;) {
    const std::string from_a = a.take_cipher();
    if (!from_a.empty()) b.deliver(from_a);
    const std::string from_b = b.take_cipher();
    if (!from_b.empty()) a.deliver(from_b);
    if (from_a.empty() && from_b.empty()) return;
  }
}

template <typename Client>
void shake_hands(Client& client, EngineEnd& server) {
  client.start();
  converse(client, server);
}

// A context that must be loadable; the test stops where it is not.
std::shared_ptr<const ServerContext> server_context(const config::Tls& settings,
                                                    std::shared_ptr<TicketKeys> tickets = nullptr);
std::shared_ptr<const ClientContext> client_context(const config::Upstream& settings);
// Puts the keys of a file in place, as a reload does. Nothing changes on an error.
Result<void> load(TicketKeys& keys, const std::string& path);
// A client that verifies nothing.
std::shared_ptr<const ClientContext> trusting_client();

}  // namespace postern::tls::testing
