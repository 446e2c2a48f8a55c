// One client connection that follows the script: set-up once, then operations as long as its host grants
// them. Owned by the runner, used on the one thread. It has at most one command in flight.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/poller.h"
#include "common/socket.h"
#include "common/tls.h"
#include "load/measurement.h"
#include "load/response_reader.h"
#include "load/script.h"

namespace postern::bench {

// What a connection needs of the runner.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual void set_up_done() = 0;
  virtual bool grant_operation() = 0;  // false: no more are wanted, the connection rests
  virtual void operation_done(Nanoseconds latency) = 0;
  virtual void failed(std::string_view why, bool in_operation) = 0;
  virtual void shaken(bool resumed) = 0;
  virtual void count_octets(std::uint64_t received, std::uint64_t sent) = 0;
  virtual SSL_SESSION* newest_ticket() = 0;  // may be null
};

struct ConnectionSetup {
  Poller& poller;
  const Script& script;
  SSL_CTX* context = nullptr;
  sockaddr_in target{};
  bool quickack = false;
};

class Connection : public Watcher {
 public:
  Connection(const ConnectionSetup& setup, ConnectionHost& host) : setup_(setup), host_(host) {}

  void start_set_up();
  void start_operations();
  void ready(std::uint32_t events) override;

 private:
  const std::vector<Step>& steps() const {
    return in_set_up_ ? setup_.script.set_up : setup_.script.operation;
  }
  bool open();
  void advance();
  void perform(const Step& step);
  void shake_hands();
  void read_some();
  int read_once(char* into, std::size_t size);  // > 0 octets, 0 would block, < 0 the connection is over
  void take(std::string_view octets);
  void step_done();
  void send(std::string_view octets);
  void flush();
  std::size_t write_once(std::string_view octets);
  void watch_for_room(bool wanted);
  void fail(std::string_view why);
  void close();

  const ConnectionSetup& setup_;
  ConnectionHost& host_;
  Fd socket_;
  SslPtr ssl_;
  ResponseReader reader_;
  std::string out_;
  std::uint64_t body_octets_ = 0;
  std::size_t step_ = 0;
  std::uint64_t next_tag_ = 1;
  std::uint64_t incarnation_ = 0;  // counts the sockets: tells that a step has closed the one being read
  Nanoseconds started_ = 0;
  bool in_set_up_ = true;
  bool in_operation_ = false;
  bool shaking_ = false;
  bool resting_ = true;
  bool waits_for_room_ = false;
};

}  // namespace postern::bench
