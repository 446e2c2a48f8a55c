// One client and its upstream in the floor: octets are decrypted, copied, encrypted, and nothing else. Owned
// by itself: it retires to the poller when either side ends. Used on the one thread of the process.
//
// The upstream is connected once the handshake is done. A side whose peer does not take octets is not read.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/gather_bio.h"
#include "common/poller.h"
#include "common/socket.h"
#include "common/tls.h"

namespace postern::bench {

// What all pairs of the process share.
struct FloorSetup {
  Poller& poller;
  SSL_CTX* context = nullptr;      // null: the clients speak plain text
  GatherBuffer* gather = nullptr;  // null: each record is sent by itself
  sockaddr_in upstream{};
};

class Pair : public Watcher {
 public:
  static void start(const FloorSetup& setup, Fd client);

  void ready(std::uint32_t events) override;  // of the client's socket
  ~Pair() override = default;

 private:
  // The upstream's socket is watched by an object of its own, so that the two can be told apart.
  struct UpstreamWatcher : Watcher {
    explicit UpstreamWatcher(Pair& pair) : owner(pair) {}
    void ready(std::uint32_t events) override { owner.upstream_ready(events); }
    Pair& owner;
  };

  Pair(const FloorSetup& setup, Fd client);

  void shake_hands();
  void connect_upstream();
  void client_readable();
  void upstream_ready(std::uint32_t events);
  void upstream_readable();
  void send_to_upstream(std::string_view plain);
  void send_to_client(std::string_view plain);
  bool send_gathered();  // false: the client is gone
  void flush_client();
  void flush_upstream();
  void update_interest();
  void close();

  const FloorSetup& setup_;
  Fd client_;
  Fd upstream_;
  std::unique_ptr<GatherBio> bio_;  // outlives ssl_, which refers to it
  SslPtr ssl_;
  UpstreamWatcher upstream_watcher_;
  std::string to_client_;  // plain text; ciphertext when gathering
  std::string to_upstream_;
  std::uint32_t client_interest_ = EPOLLIN;
  std::uint32_t upstream_interest_ = EPOLLIN;
  bool shaken_ = false;
};

}  // namespace postern::bench
