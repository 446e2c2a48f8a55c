// One connection to the fake IMAP server: any user may log in, every command succeeds at once. It takes
// commands pipelined and in pieces, literals of both kinds, and swallows their octets. Owned by itself: it
// retires to the poller when the connection ends. It checks no grammar: what reaches it has been judged.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/poller.h"
#include "common/socket.h"
#include "fake_upstream/mailbox.h"

namespace postern::bench {

class ImapPeer : public Watcher {
 public:
  // Registers itself with the poller and sends the greeting.
  static void start(Poller& poller, const Mailbox& mailbox, Fd socket);

  void ready(std::uint32_t events) override;

 private:
  ImapPeer(Poller& poller, const Mailbox& mailbox, Fd socket);

  enum class Mode { Command, Sasl, Idle };

  void consume(std::string_view octets);
  void line_complete();
  void open_literal(std::string_view digits, bool synchronising);
  void execute(std::string_view command);
  void answer_fetch(std::string_view arguments);
  void begin_body(std::string_view number);
  void tagged(std::string_view text);
  void flush();
  void close();

  Poller& poller_;
  const Mailbox& mailbox_;
  Fd socket_;
  Mode mode_ = Mode::Command;
  std::string tag_;
  std::string line_;     // the line that is being read
  std::string command_;  // the lines of this command that ended in a literal
  std::string held_;     // input that came while a body was on its way out
  std::string out_;
  std::string behind_body_;
  std::uint64_t swallow_octets_ = 0;
  std::uint64_t body_octets_ = 0;
  bool logged_out_ = false;
  bool waits_for_room_ = false;
};

}  // namespace postern::bench
